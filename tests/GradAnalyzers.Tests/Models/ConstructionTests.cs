using GradAnalyzers.Catalogue;
using GradAnalyzers.Models;
using Xunit;
using static GradAnalyzers.Tests.Models.ModelSource;

namespace GradAnalyzers.Tests.Models;

/// <summary>How models are built, and what TorchSharp then knows of them.</summary>
public sealed class ConstructionTests
{
    private const string Use = "public override Tensor forward(Tensor x) => fc.call(x);";

    [Theory]
    [InlineData("private readonly Linear fc = Linear(4, 8); public Net() : base(\"net\") { RegisterComponents(); }", "fc")]
    [InlineData("private readonly Module<Tensor, Tensor> fc; public Net() : base(\"net\") { fc = Linear(4, 8); RegisterComponents(); }", "fc")]
    [InlineData("private readonly Linear fc; public Net(int width = 8) : base(\"net\") { this.fc = Linear(4, width); this.RegisterComponents(); }", "fc")]
    [InlineData("private Linear fc { get; } = Linear(4, 8); public Net() : base(\"net\") { RegisterComponents(); }", "<fc>k__BackingField")]
    [InlineData("public Linear fc { get; private set; } public Net() : base(\"net\") { fc = Linear(4, 8); RegisterComponents(); }", "<fc>k__BackingField")]
    [InlineData("private Linear _fc = Linear(4, 8); private Linear fc => _fc; public Net() : base(\"net\") { RegisterComponents(); }", "_fc")]
    [InlineData("private Linear fc; public Net() : base(\"net\") { Build(8); RegisterComponents(); } void Build(int n) { fc = Linear(4, n); }", "fc")]
    [InlineData("private Linear fc; public Net() : this(8) { } Net(int n) : base(\"net\") { fc = Linear(4, n); RegisterComponents(); }", "fc")]
    [InlineData("private Linear fc; public Net() : base(\"net\") { fc = Linear(4, 8); register_module(\"first\", fc); }", "first")]
    [InlineData("private Linear fc; public Net() : base(\"net\") { fc = Linear(4, 8); add_module(\"first\", fc); }", "first")]
    [InlineData("private Linear fc; public Net() : base(\"net\") { Func<int, Linear> make = n => Linear(4, n); fc = make(8); RegisterComponents(); }", "fc")]
    [InlineData("private Linear fc; public Net() : base(\"net\") { fc = Factory.Make(4, 8); RegisterComponents(); }", "fc")]
    [InlineData("private Linear fc; public Net() : base(\"net\") { var c = new Config { Width = 8 }; fc = Linear(c.Input, c.Width); RegisterComponents(); }", "fc")]
    [InlineData("private Linear fc; public Net() : base(\"net\") { var c = new Shape(4, 8); var (i, o) = c; fc = Linear(c.In, c.Out); RegisterComponents(); }", "fc")]
    [InlineData("private Linear fc; public Net() : base(\"net\") { int[] sizes = { 4, 8 }; fc = Linear(sizes[0], sizes[^1]); RegisterComponents(); }", "fc")]
    [InlineData("private const int Width = 2 << 2; private static readonly int Input = Width / 2; private Linear fc = Linear(Input, Width); public Net() : base(\"net\") { RegisterComponents(); }", "fc")]
    [InlineData("private Linear fc; public Net(int? width = null) : base(\"net\") { fc = Linear(4, width ?? 8); RegisterComponents(); }", "fc")]
    [InlineData("private Linear fc; public Net(bool wide = false) : base(\"net\") { fc = wide ? Linear(4, 64) : Linear(4, 8); RegisterComponents(); }", "fc")]
    [InlineData("private Linear fc; public Net(string kind = \"small\") : base(\"net\") { switch (kind) { case \"small\": fc = Linear(4, 8); break; default: throw new ArgumentException(); } RegisterComponents(); }", "fc")]
    [InlineData("private Linear fc; public Net(string kind = \"small\") : base(\"net\") { fc = Linear(4, kind switch { \"small\" => 8, _ => 64 }); RegisterComponents(); }", "fc")]
    [InlineData("private Linear fc; public Net(Device? device = null) : base(\"net\") { fc = Linear(4, 8).to(device ?? CPU); RegisterComponents(); if (device != null) this.to(device); }", "fc")]
    public void EveryWayToMakeALayerIsRead(string members, string path)
    {
        var graph = Graph(Net(members + Use, """
            static class Factory { public static Linear Make(int a, int b) { var layer = Linear(a, b); return layer; } }
            class Config { public int Input { get; set; } = 4; public int Width; }
            record Shape(int In, int Out);
            """));

        Assert.Equal($"""
            0 Input
            1 Linear {path} fan_in=4 fan_out=8
            """, Dump(graph, "fan_in", "fan_out"));
        Assert.Equal([path + ".weight", path + ".bias"], Parameters(graph));
    }

    [Fact]
    public void APrimaryConstructorsParametersReachTheFields() =>
        Assert.Equal("""
            0 Input
            1 Linear fc fan_out=8
            2 Linear head fan_out=8
            """, Dump(Graph("""
                class Net(int width = 8) : Base("net", width)
                {
                    private readonly Linear fc = Linear(4, width);
                    public override Tensor forward(Tensor x) => head.call(fc.call(x)) ;
                }
                abstract class Base : Module<Tensor, Tensor>
                {
                    protected readonly Linear head;
                    protected Base(string name, int n) : base(name) { head = Linear(n, n); RegisterComponents(); }
                }
                """), "fan_out"));

    [Fact]
    public void SubmodulesAreInlinedWithTheirPaths()
    {
        var graphs = Graphs("""
            class Net : Module<Tensor, Tensor>
            {
                private readonly Block first = new(4), second = new(8, depth: 2);
                public Net() : base("net") { RegisterComponents(); }
                public override Tensor forward(Tensor x) => second.forward(first.forward(x));
            }
            class Block : Module<Tensor, Tensor>
            {
                private readonly ModuleList<Linear> layers = new();
                public Block(int width, int depth = 1) : base("block") { for (var i = 0; i < depth; i++) layers.Add(Linear(width, 8)); RegisterComponents(); }
                public override Tensor forward(Tensor x) { foreach (var layer in layers) x = x + layer.forward(x); return x; }
            }
            """);

        Assert.Equal("""
            0 Input
            1 Linear first.layers.0 fan_in=4
            2 Add(0, 1)
            3 Linear second.layers.0 fan_in=8
            4 Add(2, 3)
            5 Linear second.layers.1 fan_in=8
            6 Add(4, 5)
            """, Dump(graphs.Single(graph => graph.Name == "Net"), "fan_in"));
    }

    [Fact]
    public void EachSetOfConstantsThatTheProgramUsesIsAModel()
    {
        var graphs = Graphs("""
            var width = 16;
            var small = new Net(2, width);
            var large = new Net(depth: 4, width: 32);
            var again = new Net(2, 16);
            Train(new Net(3, 8));
            void Train(Module<Tensor, Tensor> model) { }

            class Net : Module<Tensor, Tensor>
            {
                private readonly ModuleList<Linear> layers = new();
                public Net(int depth, int width) : base("net") { for (var i = 0; i < depth; i++) layers.Add(Linear(width, width)); RegisterComponents(); }
                public override Tensor forward(Tensor x) { foreach (var layer in layers) x = layer.forward(x); return x; }
            }
            """);

        Assert.Equal(["2, 16", "4, 32", "3, 8"], graphs.Select(graph => string.Join(", ", graph.Arguments.Select(argument => argument.Value))));
        Assert.Equal([2, 4, 3], graphs.Select(graph => graph.Nodes.Count(node => node.Role == Role.Linear)));
        Assert.All(graphs, graph => Assert.True(graph.IsComplete));
    }

    [Fact]
    public void WidthsThatNobodyTellsStayNamesAndDoNotHideTheStructure() =>
        Assert.Equal("""
            0 Input
            1 Linear a fan_in=inputs fan_out=hidden
            2 Sigmoid
            3 Linear b fan_in=hidden fan_out=(4 * hidden)
            """, Read("""
                private readonly Linear a, b;
                public Net(int inputs, int hidden) : base("net") { a = Linear(inputs, hidden); b = Linear(hidden, 4 * hidden); RegisterComponents(); }
                public override Tensor forward(Tensor x) => b.forward(a.forward(x).sigmoid());
                """, meanings: ["fan_in", "fan_out"]));

    [Fact]
    public void ADepthThatNobodyTellsIsOpaque()
    {
        var graph = Graph(Net("""
            private readonly Sequential body;
            public Net(int depth) : base("net")
            {
                var layers = new List<Module<Tensor, Tensor>>();
                for (var i = 0; i < depth; i++) layers.Add(Linear(8, 8));
                body = Sequential(layers);
                RegisterComponents();
            }
            public override Tensor forward(Tensor x) => body.forward(x);
            """));

        Assert.False(graph.IsComplete);
        Assert.Contains("for (var i = 0; i < depth; i++)", graph.Obstacle);
    }

    [Fact]
    public void ALayerThatAnUnknownConditionChoosesIsRunBothWaysUnlessBothAreAlike()
    {
        var graph = Graph(Net("""
            private readonly Module<Tensor, Tensor> a, b;
            public Net(bool flag) : base("net")
            {
                if (flag) { a = Linear(4, 4); b = Linear(4, 4); } else { a = Linear(4, 4); b = Conv1d(4, 4, 1); }
                RegisterComponents();
            }
            public override Tensor forward(Tensor x) => b.forward(a.forward(x));
            """));

        Assert.Equal("""
            0 Input
            1 Linear a
            2 Linear b
            3 Conv b(1)
            4 Choice(2, 3)
            """, Dump(graph));
    }

    [Theory]
    [InlineData("public Net() : base(\"net\") { fc = Linear(4, 4); }", Registration.NeverRegistered)]
    [InlineData("public Net() : base(\"net\") { RegisterComponents(); fc = Linear(4, 4); }", Registration.AssignedTooLate)]
    [InlineData("public Net() : base(\"net\") { RegisterComponents(); fc = Linear(4, 4); RegisterComponents(); }", Registration.AssignedTooLate)]
    [InlineData("public Net() : base(\"net\") { fc = Linear(4, 4); RegisterComponents(); }", Registration.Registered)]
    [InlineData("public Net() : base(\"net\") { fc = Linear(4, 4); register_module(\"fc\", fc); }", Registration.Registered)]
    public void RegistrationIsWhatTorchSharpDoes(string constructor, object registration)
    {
        var graph = Graph(Net("private Linear fc = null!;" + constructor + Use));

        Assert.Equal(registration, graph.Layers.Single(layer => layer.Role == Role.Linear).Registration);
    }

    [Fact]
    public void LayersInCollectionsAreNotRegistered()
    {
        var graph = Graph(Net("""
            private readonly Linear[] array = { Linear(4, 4) };
            private readonly List<Linear> list = new() { Linear(4, 4) };
            private readonly Dictionary<string, Linear> map = new() { ["x"] = Linear(4, 4) };
            private readonly List<Linear> named = new();
            public Net() : base("net")
            {
                for (int i = 0; i < 2; i++) { var layer = Linear(4, 4); named.Add(layer); register_module($"named{i}", layer); }
                RegisterComponents();
            }
            public override Tensor forward(Tensor x) => x;
            """));

        Assert.Equal(["array[0]", "list[0]", "map[x]"], graph.Layers.Where(layer => layer.Registration == Registration.InPlainCollection).Select(layer => layer.Path));
        Assert.Equal(["named0", "named1"], graph.Layers.Where(layer => layer.Role == Role.Linear && layer.Registration == Registration.Registered).Select(layer => layer.Path));
    }

    [Fact]
    public void AModuleListThatIsFilledTooLateIsNotRegistered()
    {
        var graph = Graph(Net("""
            private readonly ModuleList<Linear> layers = new();
            public Net() : base("net") { layers.Add(Linear(4, 4)); RegisterComponents(); layers.Add(Linear(4, 4)); }
            public override Tensor forward(Tensor x) { foreach (var layer in layers) x = layer.forward(x); return x; }
            """));

        Assert.Equal(["layers.0.weight", "layers.0.bias"], Parameters(graph));
        Assert.Equal(Registration.AssignedTooLate, graph.Layers.Single(layer => layer.Path == "layers.1").Registration);
    }

    [Fact]
    public void AChildThatForgetsToRegisterWorksAsAFieldButNotInASequential()
    {
        var graph = Graph("""
            class Net : Module<Tensor, Tensor>
            {
                private readonly Child field = new();
                private readonly Sequential s = Sequential(new Child(), Linear(4, 4));
                public Net() : base("net") { RegisterComponents(); }
                public override Tensor forward(Tensor x) => s.forward(field.forward(x));
            }
            class Child : Module<Tensor, Tensor>
            {
                private readonly Linear fc = Linear(4, 4);
                public Child() : base("child") { }
                public override Tensor forward(Tensor x) => fc.forward(x);
            }
            """);

        Assert.Equal(["field.fc.weight", "field.fc.bias", "s.1.weight", "s.1.bias"], Parameters(graph));
        Assert.Equal(Registration.InUnregisteredElement, graph.Layers.Single(layer => layer.Path == "s.0.fc").Registration);
    }

    [Fact]
    public void InitializersAreRead()
    {
        var graph = Graph(Net("""
            private readonly Linear a = Linear(4, 4), b = Linear(4, 4), c = Linear(4, 4), d = Linear(4, 4);
            private readonly Sequential s = Sequential(Linear(4, 4), Conv2d(4, 4, 3));
            public Net() : base("net")
            {
                init.kaiming_normal_(a.weight, nonlinearity: init.NonlinearityType.ReLU);
                init.zeros_(a.bias);
                b.weight.normal_(0, 0.02);
                init.xavier_uniform_(c.weight, init.calculate_gain(init.NonlinearityType.Tanh));
                d.weight = new Parameter(torch.randn(4, 4) * 0.1);
                RegisterComponents();
                s.apply(Reset);
            }
            static void Reset(Module module)
            {
                switch (module)
                {
                    case Linear linear: init.orthogonal_(linear.weight); break;
                    case Conv2d conv: init.constant_(conv.weight, 0.5); break;
                }
            }
            public override Tensor forward(Tensor x) => x;
            """));

        Assert.Equal(
            ["a.weight KaimingNormal", "a.bias Zeros", "b.weight Normal", "b.bias Default", "c.weight XavierUniform", "c.bias Default", "d.weight Normal", "d.bias Default",
                "s.0.weight Orthogonal", "s.0.bias Default", "s.1.weight Constant", "s.1.bias Default"],
            graph.Layers.SelectMany(layer => layer.Parameters).Select(parameter => $"{parameter.Path} {parameter.Initialization.Role}"));
        var xavier = graph.Layers.Single(layer => layer.Path == "c").Weight!.Initialization;
        Assert.Equal(5.0 / 3, xavier.Number("gain"));
        var kaiming = graph.Layers.Single(layer => layer.Path == "a").Weight!.Initialization;
        Assert.Equal("ReLU", kaiming.Constants["nonlinearity"].Text);
    }

    [Theory]
    [InlineData("m => { if (m is Linear l) init.zeros_(l.weight); }")]
    [InlineData("m => { if (m is Linear { } l && l.weight is { } w) init.zeros_(w); }")]
    [InlineData("m => { if (m.GetName().Contains(\"Linear\")) init.zeros_(((Linear)m).weight); }")]
    [InlineData("m => { var l = m as Linear; if (l == null) return; init.zeros_(l.weight); }")]
    public void EveryWayToApplyAnInitializerIsRead(string function)
    {
        var graph = Graph(Net($$"""
            private readonly Linear a = Linear(4, 4);
            public Net() : base("net") { RegisterComponents(); apply({{function}}); }
            public override Tensor forward(Tensor x) => a.forward(x);
            """));

        Assert.Equal(Role.Zeros, graph.Layers.Single(layer => layer.Path == "a").Weight!.Initialization.Role);
        Assert.False(Assert.Single(graph.Applications).BeforeRegistration);
    }

    [Fact]
    public void AnInitializerAppliedBeforeRegistrationReachesNoLayer()
    {
        var graph = Graph(Net("""
            private readonly Linear a = Linear(4, 4);
            public Net() : base("net") { apply(m => { if (m is Linear l) init.zeros_(l.weight); }); RegisterComponents(); }
            public override Tensor forward(Tensor x) => a.forward(x);
            """));

        var application = Assert.Single(graph.Applications);
        Assert.True(application.BeforeRegistration);
        Assert.NotNull(application.Registration);
        Assert.DoesNotContain(application.Reached, layer => layer.Role == Role.Linear);
        Assert.True(graph.Layers.Single(layer => layer.Path == "a").Weight!.Initialization.IsDefault);
    }

    [Fact]
    public void AnInitializationOfTheProgramCounts()
    {
        var graph = Graph("""
            var net = new Net();
            net.apply(m => { if (m is Linear l) init.kaiming_uniform_(l.weight); });

            class Net : Module<Tensor, Tensor>
            {
                private readonly Linear a = Linear(4, 4);
                public Net() : base("net") { RegisterComponents(); }
                public override Tensor forward(Tensor x) => a.forward(x);
            }
            """);

        Assert.Equal(Role.KaimingUniform, graph.Layers.Single(layer => layer.Path == "a").Weight!.Initialization.Role);
    }

    [Fact]
    public void RecurrentLayersHaveTheirLibrarysParameterNames()
    {
        var graph = Graph(Net("""
            private readonly LSTM lstm = LSTM(4, 8, numLayers: 2, bidirectional: true);
            private readonly GRUCell cell = GRUCell(4, 8, bias: false);
            public Net() : base("net") { RegisterComponents(); }
            public override Tensor forward(Tensor x) => lstm.call(x).Item1;
            """));

        Assert.Equal(
            ["lstm.weight_ih_l0", "lstm.weight_hh_l0", "lstm.bias_ih_l0", "lstm.bias_hh_l0", "lstm.weight_ih_l0_reverse", "lstm.weight_hh_l0_reverse", "lstm.bias_ih_l0_reverse", "lstm.bias_hh_l0_reverse",
                "lstm.weight_ih_l1", "lstm.weight_hh_l1", "lstm.bias_ih_l1", "lstm.bias_hh_l1", "lstm.weight_ih_l1_reverse", "lstm.weight_hh_l1_reverse", "lstm.bias_ih_l1_reverse", "lstm.bias_hh_l1_reverse",
                "cell.weight_ih", "cell.weight_hh"],
            Parameters(graph));
    }

    [Fact]
    public void LocationsPointAtCreationAndUse()
    {
        var graph = Graph(Net("""
            private readonly Linear fc = Linear(4, 8);
            public Net() : base("net") { RegisterComponents(); }
            public override Tensor forward(Tensor x) => torch.tanh(fc.call(x));
            """));

        Assert.Equal("Linear(4, 8)", TextAt(graph.Nodes[1].Creation));
        Assert.Equal("fc.call(x)", TextAt(graph.Nodes[1].Use));
        Assert.Equal("torch.tanh(fc.call(x))", TextAt(graph.Nodes[2].Creation));
        Assert.Equal("Net", TextAt(graph.Location));

        static string TextAt(Microsoft.CodeAnalysis.Location location) => location.SourceTree!.GetText().ToString(location.SourceSpan);
    }
}
