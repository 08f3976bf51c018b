using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>Root-mean-square normalization, written by hand.</summary>
public sealed class RmsNorm : Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly double eps;

    public RmsNorm(long width, double eps = 1e-6)
        : base(nameof(RmsNorm))
    {
        this.eps = eps;
        weight = Parameter(torch.ones(width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var variance = x.pow(2).mean(new long[] { -1 }, keepdim: true);
        return weight * (x * torch.rsqrt(variance + eps));
    }
}

/// <summary>SwiGLU.</summary>
public sealed class GatedFeedForward : Module<Tensor, Tensor>
{
    private readonly Linear w1;
    private readonly Linear w3;
    private readonly Linear w2;

    public GatedFeedForward(long width, long hidden)
        : base(nameof(GatedFeedForward))
    {
        w1 = Linear(width, hidden, hasBias: false);
        w3 = Linear(width, hidden, hasBias: false);
        w2 = Linear(hidden, width, hasBias: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => w2.forward(functional.silu(w1.forward(x)) * w3.forward(x));
}

/// <summary>Gated feed-forward blocks behind RMSNorm, with skips.</summary>
public sealed class GatedMlp : Module<Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly ModuleList<RmsNorm> norms = new();
    private readonly ModuleList<GatedFeedForward> layers = new();
    private readonly Linear head;

    public GatedMlp(int depth, long inputs, long width)
        : base(nameof(GatedMlp))
    {
        embed = Linear(inputs, width);
        for (var i = 0; i < depth; i++)
        {
            norms.Add(new RmsNorm(width));
            layers.Add(new GatedFeedForward(width, 2 * width));
        }

        head = Linear(width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = embed.forward(input);
        for (var i = 0; i < layers.Count; i++)
            x = x + layers[i].forward(norms[i].forward(x));
        return head.forward(x);
    }
}

/// <summary>Half of the features opens or closes the other half, layer on layer, no skip.</summary>
public sealed class GluStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> layers = new();
    private readonly Linear head;

    public GluStack(int depth, long width)
        : base(nameof(GluStack))
    {
        for (var i = 0; i < depth; i++)
            layers.Add(Linear(width, 2 * width));
        head = Linear(width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = input;
        foreach (var layer in layers)
        {
            var halves = layer.forward(x).chunk(2, -1);
            x = halves[0] * torch.sigmoid(halves[1]);
        }

        return head.forward(x);
    }
}

/// <summary>A highway network: the gate mixes the layer's value with its input.</summary>
public sealed class Highway : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> transforms = new();
    private readonly ModuleList<Linear> gates = new();
    private readonly Linear head;

    public Highway(int depth, long width)
        : base(nameof(Highway))
    {
        for (var i = 0; i < depth; i++)
        {
            transforms.Add(Linear(width, width));
            gates.Add(Linear(width, width));
        }

        head = Linear(width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = input;
        for (var i = 0; i < transforms.Count; i++)
        {
            var t = torch.sigmoid(gates[i].forward(x));
            x = t * functional.relu(transforms[i].forward(x)) + (1 - t) * x;
        }

        return head.forward(x);
    }
}

/// <summary>Residual branches that start small.</summary>
public sealed class LayerScaleMlp : Module<Tensor, Tensor>
{
    private readonly ModuleList<LayerNorm> norms = new();
    private readonly ModuleList<Linear> layers = new();
    private readonly ParameterList scales = new();
    private readonly Linear head;

    public LayerScaleMlp(int depth, long width, double start)
        : base(nameof(LayerScaleMlp))
    {
        for (var i = 0; i < depth; i++)
        {
            norms.Add(LayerNorm(width));
            layers.Add(Linear(width, width));
            scales.Add(Parameter(torch.full(width, start)));
        }

        head = Linear(width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = input;
        for (var i = 0; i < layers.Count; i++)
            x = x + scales[i] * functional.gelu(layers[i].forward(norms[i].forward(x)));
        return head.forward(x);
    }
}

/// <summary>Residual branch times a scale that starts at zero.</summary>
public sealed class ReZeroBlock : Module<Tensor, Tensor>
{
    private readonly Linear fc;
    private readonly Parameter alpha;

    public ReZeroBlock(long width)
        : base(nameof(ReZeroBlock))
    {
        fc = Linear(width, width);
        alpha = Parameter(torch.zeros(1));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => x + alpha * functional.relu(fc.forward(x));
}

/// <summary>ReZero between a first and a last layer.</summary>
public sealed class ReZeroMlp : Module<Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly Sequential blocks;
    private readonly Linear head;

    public ReZeroMlp(int depth, long inputs, long width)
        : base(nameof(ReZeroMlp))
    {
        embed = Linear(inputs, width);
        blocks = Sequential();
        for (var i = 0; i < depth; i++)
            blocks.append(new ReZeroBlock(width));
        head = Linear(width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => head.forward(blocks.forward(embed.forward(input)));
}

/// <summary>Two heads on one body.</summary>
public sealed class ActorCritic : Module<Tensor, (Tensor policy, Tensor value)>
{
    private readonly Linear fc1;
    private readonly Linear fc2;
    private readonly Linear actor;
    private readonly Linear critic;

    public ActorCritic(long observations, long hidden, long actions)
        : base(nameof(ActorCritic))
    {
        fc1 = Linear(observations, hidden);
        fc2 = Linear(hidden, hidden);
        actor = Linear(hidden, actions);
        critic = Linear(hidden, 1);
        RegisterComponents();
    }

    public override (Tensor policy, Tensor value) forward(Tensor state)
    {
        var x = torch.tanh(fc1.forward(state));
        x = torch.tanh(fc2.forward(x));
        return (actor.forward(x), critic.forward(x));
    }
}

/// <summary>A board game's network: residual tower, policy and value heads of their own.</summary>
public sealed class BoardNet : Module<Tensor, (Tensor, Tensor)>
{
    private readonly Conv2d stem;
    private readonly BatchNorm2d stemNorm;
    private readonly ModuleList<BoardBlock> tower = new();
    private readonly Conv2d policyConv;
    private readonly Linear policy;
    private readonly Conv2d valueConv;
    private readonly Linear value1;
    private readonly Linear value2;
    private readonly long side;

    public BoardNet(int blocks, long width, long side)
        : base(nameof(BoardNet))
    {
        this.side = side;
        stem = Conv2d(3, width, 3, padding: 1);
        stemNorm = BatchNorm2d(width);
        for (var i = 0; i < blocks; i++)
            tower.Add(new BoardBlock(width));
        policyConv = Conv2d(width, 2, 1);
        policy = Linear(2 * side * side, side * side);
        valueConv = Conv2d(width, 1, 1);
        value1 = Linear(side * side, 32);
        value2 = Linear(32, 1);
        RegisterComponents();
    }

    public override (Tensor, Tensor) forward(Tensor board)
    {
        var x = functional.relu(stemNorm.forward(stem.forward(board)));
        foreach (var block in tower)
            x = block.forward(x);
        var p = policy.forward(functional.relu(policyConv.forward(x)).view(-1, 2 * side * side));
        var v = functional.relu(valueConv.forward(x)).reshape(x.shape[0], -1);
        v = torch.tanh(value2.forward(functional.relu(value1.forward(v))));
        return (p, v);
    }
}

public sealed class BoardBlock : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly Conv2d conv2;
    private readonly BatchNorm2d bn2;

    public BoardBlock(long width)
        : base(nameof(BoardBlock))
    {
        conv1 = Conv2d(width, width, 3, padding: 1, bias: false);
        bn1 = BatchNorm2d(width);
        conv2 = Conv2d(width, width, 3, padding: 1, bias: false);
        bn2 = BatchNorm2d(width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var y = functional.relu(bn1.forward(conv1.forward(x)));
        y = bn2.forward(conv2.forward(y));
        return functional.relu(x + y);
    }
}

/// <summary>Normalization that may be there or not, an activation by name, a layer that may be null.</summary>
public sealed class ChoosingMlp : Module<Tensor, Tensor>
{
    private readonly Linear first;
    private readonly Linear second;
    private readonly LayerNorm? norm;
    private readonly Linear third;
    private readonly Linear head;
    private readonly string mode;

    public ChoosingMlp(long width, bool useNorm, string mode)
        : base(nameof(ChoosingMlp))
    {
        this.mode = mode;
        first = Linear(width, width);
        second = Linear(width, width);
        norm = useNorm ? LayerNorm(width) : null;
        third = Linear(width, width);
        head = Linear(width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = Activate(first.forward(x));
        x = Activate(second.forward(x));
        // A batch of one sample is not normalized.
        if (norm is not null && x.shape[0] > 1)
            x = norm.forward(x);
        x = Activate(third.forward(x));
        return head.forward(x);
    }

    private Tensor Activate(Tensor x) => mode switch
    {
        "relu" => functional.relu(x),
        "tanh" => torch.tanh(x),
        _ => functional.gelu(x),
    };
}
