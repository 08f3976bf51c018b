using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

// Models whose parameter names are compared: what named_parameters() says when they run, and what the graph says when they are read.
namespace GradAnalyzers.Accuracy.Networks.Registered;

public sealed class Fields : Module<Tensor, Tensor>
{
    private readonly Linear first = Linear(4, 4);
    internal Module<Tensor, Tensor> _second;
    public Conv2d Third = Conv2d(1, 2, 3, bias: false);
    public Fields() : base("model") { _second = Linear(4, 4, hasBias: false); RegisterComponents(); }
    public override Tensor forward(Tensor x) => _second.forward(first.forward(x));
}

public sealed class Properties : Module<Tensor, Tensor>
{
    private Linear First { get; } = Linear(4, 4);
    public Linear Second { get; private set; }
    private Linear Computed => First;
    public Properties() : base("model") { Second = Linear(4, 4); RegisterComponents(); }
    public override Tensor forward(Tensor x) => Second.forward(Computed.forward(x));
}

public sealed class Sequentials : Module<Tensor, Tensor>
{
    private readonly Sequential numbered = Sequential(Linear(4, 4), ReLU(), Linear(4, 4));
    private readonly Sequential named = Sequential(("in", Linear(4, 4)), ("act", Tanh()), ("out", Sequential(Linear(4, 4), Sequential(("deep", Linear(4, 4))))));
    private readonly Sequential appended = Sequential();
    private readonly Sequential looped;
    public Sequentials() : base("model")
    {
        appended.append(Linear(4, 4)).append("named", Linear(4, 4)).append(Linear(4, 4));
        var layers = new List<(string, Module<Tensor, Tensor>)>();
        for (var i = 0; i < 3; i++) layers.Add(($"fc{i}", Linear(4, 4)));
        looped = Sequential(layers);
        RegisterComponents();
    }
    public override Tensor forward(Tensor x) => looped.call(appended.call(named.call(numbered.call(x))));
}

public sealed class Lists : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> made = ModuleList(Linear(4, 4), Linear(4, 4));
    private readonly ModuleList<Module<Tensor, Tensor>> added = new();
    private readonly ModuleList<Linear> late = new();
    private readonly ModuleDict<Linear> dict = new();
    private readonly ParameterList weights = new(new Parameter(torch.randn(2)), new Parameter(torch.randn(2)));
    public Lists() : base("model")
    {
        for (var i = 0; i < 2; i++) added.Add(Sequential(Linear(4, 4)));
        dict.Add("b", Linear(4, 4));
        dict.Add("a", Linear(4, 4));
        RegisterComponents();
        late.Add(Linear(4, 4));
    }
    public override Tensor forward(Tensor x)
    {
        foreach (var layer in made) x = layer.call(x);
        foreach (var layer in added) x = layer.call(x);
        return dict["a"].call(dict["b"].call(x));
    }
}

public sealed class PlainCollections : Module<Tensor, Tensor>
{
    private readonly Linear[] array = [Linear(4, 4)];
    private readonly List<Linear> list = [Linear(4, 4)];
    private readonly List<Linear> byHand = [];
    private readonly Linear field = Linear(4, 4);
    public PlainCollections() : base("model")
    {
        for (var i = 0; i < 2; i++)
        {
            var layer = Linear(4, 4);
            byHand.Add(layer);
            register_module($"hand{i}", layer);
        }

        RegisterComponents();
    }
    public override Tensor forward(Tensor x) => field.call(byHand[1].call(list[0].call(array[0].call(x))));
}

public sealed class TooLate : Module<Tensor, Tensor>
{
    private readonly Linear early = Linear(4, 4);
    private readonly Linear late;
    public TooLate() : base("model") { RegisterComponents(); late = Linear(4, 4); RegisterComponents(); }
    public override Tensor forward(Tensor x) => late.call(early.call(x));
}

public sealed class Never : Module<Tensor, Tensor>
{
    private readonly Linear layer = Linear(4, 4);
    public Never() : base("model") { }
    public override Tensor forward(Tensor x) => layer.call(x);
}

public sealed class Children : Module<Tensor, Tensor>
{
    private readonly Never field = new();
    private readonly Sequential element = Sequential(new Never(), Linear(4, 4));
    private readonly ModuleList<Never> listed = ModuleList(new Never());
    private readonly Fields proper = new();
    public Children() : base("model") { RegisterComponents(); }
    public override Tensor forward(Tensor x) => element.call(field.call(x));
}

public abstract class Base : Module<Tensor, Tensor>
{
    private readonly Linear hidden = Linear(4, 4);
    protected readonly Linear shown = Linear(4, 4);
    private readonly Linear same = Linear(4, 4);
    protected Base(string name) : base(name) { }
    protected Tensor Start(Tensor x) => same.call(shown.call(hidden.call(x)));
}

public sealed class Derived : Base
{
    private readonly Linear own = Linear(4, 4);
    private readonly Linear same = Linear(4, 4);
    public Derived() : base("model") { RegisterComponents(); }
    public override Tensor forward(Tensor x) => same.call(own.call(Start(x)));
}

public sealed class EarlyBase : RegisteringBase
{
    private readonly Linear initialized = Linear(4, 4);
    private readonly Linear assigned;
    public EarlyBase() { assigned = Linear(4, 4); RegisterComponents(); }
    public override Tensor forward(Tensor x) => assigned.call(initialized.call(x));
}

public abstract class RegisteringBase : Module<Tensor, Tensor>
{
    protected RegisteringBase() : base("model") { RegisterComponents(); }
}

public sealed class Own : Module<Tensor, Tensor>
{
    private readonly Parameter scale = new(torch.ones(4));
    private readonly Parameter shift = Parameter(torch.zeros(4));
    private readonly Tensor buffer = torch.ones(4);
    private readonly Linear layer = Linear(4, 4);
    public Own() : base("model") { register_parameter("extra", new Parameter(torch.ones(1))); RegisterComponents(); }
    public override Tensor forward(Tensor x) => layer.call(x) * scale + shift + buffer;
}

public sealed class Shared : Module<Tensor, Tensor>
{
    private readonly Linear one = Linear(4, 4);
    private readonly Linear two;
    private readonly Sequential both;
    public Shared() : base("model") { two = one; both = Sequential(one, Linear(4, 4)); RegisterComponents(); }
    public override Tensor forward(Tensor x) => both.call(two.call(x));
}

public sealed class Overriding : Module<Tensor, Tensor>
{
    private readonly Linear layer = Linear(4, 4);
    private readonly Linear[] others = [Linear(4, 4), Linear(4, 4)];
    public Overriding() : base("model") { RegisterComponents(); }
    protected override void RegisterComponents()
    {
        base.RegisterComponents();
        for (var i = 0; i < others.Length; i++) register_module("other_" + i, others[i]);
    }
    public override Tensor forward(Tensor x) => others[1].call(others[0].call(layer.call(x)));
}

public sealed class Library : Module<Tensor, Tensor>
{
    private readonly BatchNorm2d norm = BatchNorm2d(4), plain = BatchNorm2d(4, affine: false);
    private readonly InstanceNorm2d instance = InstanceNorm2d(4), affine = InstanceNorm2d(4, affine: true);
    private readonly LayerNorm layer = LayerNorm(4), noBias = LayerNorm([4L], bias: false), bare = LayerNorm(4, elementwise_affine: false);
    private readonly GroupNorm group = GroupNorm(2, 4);
    private readonly Embedding embedding = Embedding(10, 4);
    private readonly PReLU slope = PReLU(1);
    private readonly Bilinear bilinear = Bilinear(2, 3, 4);
    private readonly ConvTranspose2d up = ConvTranspose2d(4, 4, 2);
    private readonly RNN rnn = RNN(4, 4, numLayers: 2);
    private readonly LSTM lstm = LSTM(4, 4, bidirectional: true);
    private readonly GRU gru = GRU(4, 4, bias: false);
    private readonly RNNCell rnnCell = RNNCell(4, 4);
    private readonly LSTMCell lstmCell = LSTMCell(4, 4);
    private readonly GRUCell gruCell = GRUCell(4, 4);
    private readonly MultiheadAttention attention = MultiheadAttention(4, 2);
    private readonly TransformerEncoderLayer encoder = TransformerEncoderLayer(4, 2, 8);
    private readonly TransformerDecoderLayer decoder = TransformerDecoderLayer(4, 2, 8);
    private readonly TransformerEncoder encoders = TransformerEncoder(TransformerEncoderLayer(4, 2, 8), 2);
    private readonly TransformerDecoder decoders = TransformerDecoder(TransformerDecoderLayer(4, 2, 8), 2);
    private readonly Transformer transformer = Transformer(4, 2, 1, 2, 8);
    public Library() : base("model") { RegisterComponents(); }
    public override Tensor forward(Tensor x) => x;
}

public sealed class AsSequential : Sequential
{
    public AsSequential() : base(("first", Linear(4, 4)), ("second", new Fields())) { }
}
