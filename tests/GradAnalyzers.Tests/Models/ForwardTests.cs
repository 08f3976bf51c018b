using GradAnalyzers.Catalogue;
using GradAnalyzers.Models;
using Xunit;
using static GradAnalyzers.Tests.Models.ModelSource;

namespace GradAnalyzers.Tests.Models;

/// <summary>The ways in which people write forward.</summary>
public sealed class ForwardTests
{
    private const string TwoLayers = """
        private readonly Linear a = Linear(4, 4), b = Linear(4, 4);
        public Net() : base("net") { RegisterComponents(); }
        """;

    private const string Chain = """
        0 Input
        1 Linear a
        2 Relu
        3 Linear b
        """;

    [Theory]
    [InlineData("public override Tensor forward(Tensor x) { x = a.forward(x); x = F.relu(x); x = b.forward(x); return x; }")]
    [InlineData("public override Tensor forward(Tensor x) => b.forward(F.relu(a.forward(x)));")]
    [InlineData("public override Tensor forward(Tensor x) => b.call(a.call(x).relu());")]
    [InlineData("public override Tensor forward(Tensor x) { using var h = a.forward(x); using var r = F.relu(h); return b.forward(r); }")]
    [InlineData("public override Tensor forward(Tensor x) { using (var h = a.forward(x)) using (var r = h.relu()) { return b.forward(r); } }")]
    [InlineData("public override Tensor forward(Tensor x) { using var scope = NewDisposeScope(); var y = b.forward(F.relu(a.forward(x))); return scope.MoveToOuter(y); }")]
    [InlineData("public override Tensor forward(Tensor x) { using var _ = NewDisposeScope(); return b.forward(F.relu(a.forward(x))).MoveToOuterDisposeScope(); }")]
    [InlineData("public override Tensor forward(Tensor x) { var h = a.forward(x); h.relu_(); return b.forward(h); }")]
    [InlineData("public override Tensor forward(Tensor x) { var h = a.forward(x); F.relu(h, inplace: true); return b.forward(h); }")]
    [InlineData("public override Tensor forward(Tensor x) => Head(Body(x)); Tensor Body(Tensor x) => a.forward(x).relu(); private Tensor Head(Tensor x) { return b.forward(x); }")]
    [InlineData("public override Tensor forward(Tensor x) { Tensor Step(Tensor v) => a.forward(v).relu(); return b.forward(Step(x)); }")]
    [InlineData("public override Tensor forward(Tensor x) { Func<Tensor, Tensor> step = v => F.relu(a.forward(v)); return b.forward(step(x)); }")]
    [InlineData("public override Tensor forward(Tensor x) { Func<Tensor, Tensor> f = a.forward; return b.forward(f(x).relu()); }")]
    [InlineData("public override Tensor forward(Tensor x) => Forward(x); public Tensor Forward(Tensor x) => b.forward(F.relu(a.forward(x)));")]
    [InlineData("public override Tensor forward(Tensor x) { Tensor h; if (training) h = a.forward(x).relu(); else h = a.forward(x); return b.forward(h); }")]
    [InlineData("public override Tensor forward(Tensor x) { var y = b.forward(a.forward(x).relu()); if (!training) y = F.softmax(y, -1); return y; }")]
    [InlineData("public override Tensor forward(Tensor x) { if (x.shape.Length != 2) throw new ArgumentException(); return b.forward(a.forward(x).relu()); }")]
    [InlineData("public override Tensor forward(Tensor x) { var h = a.forward(x); if (x.shape[0] > 5) h = F.relu(h); else h = h.relu(); return b.forward(h); }")]
    [InlineData("public override Tensor forward(Tensor x) { try { return b.forward(a.forward(x).relu()); } finally { x.Dispose(); } }")]
    [InlineData("public override Tensor forward(Tensor x) { return b.forward(a.forward(x) switch { var h => h.relu() }); }")]
    [InlineData("public override Tensor forward(Tensor x) { (x, var n) = (a.forward(x), 1); return b.forward(x.relu()); }")]
    [InlineData("public override Tensor forward(Tensor x) { var (h, _) = Pair(x); return b.forward(h); } (Tensor, Tensor) Pair(Tensor x) => (a.forward(x).relu(), x);")]
    [InlineData("public override Tensor forward(Tensor x) { foreach (var m in new Module<Tensor, Tensor>[] { a }) x = m.call(x); return b.forward(x.relu()); }")]
    [InlineData("public override Tensor forward(Tensor x) { foreach (var f in new List<Func<Tensor, Tensor>> { a.forward, v => v.relu(), b.forward }) x = f(x); return x; }")]
    public void EveryWayToWriteAChainGivesTheChain(string forward) => Assert.Equal(Chain, Read(TwoLayers + forward));

    [Theory]
    [InlineData("x + a.forward(x)", "Add(0, 1)")]
    [InlineData("a.forward(x) + x", "Add(1, 0)")]
    [InlineData("a.forward(x).add(x)", "Add(1, 0)")]
    [InlineData("a.forward(x).add_(x)", "Add(1, 0)")]
    [InlineData("torch.add(a.forward(x), x)", "Add(1, 0)")]
    [InlineData("torch.cat(new[] { a.forward(x), x }, 1)", "Concat(1, 0)")]
    [InlineData("torch.cat(new List<Tensor> { a.forward(x), x }, 1)", "Concat(1, 0)")]
    [InlineData("torch.cat([a.forward(x), x], 1)", "Concat(1, 0)")]
    [InlineData("a.forward(x) * x", "Multiply(1, 0)")]
    public void TensorsThatMeetAreRead(string expression, string node) =>
        Assert.Equal($"""
            0 Input
            1 Linear a
            2 {node}
            """, Read(TwoLayers + $"public override Tensor forward(Tensor x) => {expression};"));

    [Fact]
    public void AResidualThatIsAccumulatedIsAnAdd() =>
        Assert.Equal("""
            0 Input
            1 Linear a
            2 Add(0, 1)
            3 Linear b
            4 Add(2, 3)
            """, Read(TwoLayers + "public override Tensor forward(Tensor x) { x = x + a.forward(x); x += b.forward(x); return x; }"));

    [Fact]
    public void AConditionThatIsNotKnownIsTakenBothWaysWhereItsBranchesDiffer()
    {
        var graph = Graph(Net(TwoLayers + "public override Tensor forward(Tensor x) { var h = a.forward(x); if (x.shape[0] > 5) h = h.tanh(); return b.forward(h); }"));

        Assert.Equal("""
            0 Input
            1 Linear a
            2 Tanh
            3 Choice(2, 1)
            4 Linear b
            """, Dump(graph));
        Assert.True(graph.IsComplete);
    }

    [Fact]
    public void WhatIsNotCataloguedIsOpaqueAndTheRestIsStillRead() =>
        Assert.Equal("""
            0 Input
            1 Linear a
            2 Opaque: 'cumsum' is not in the catalogue and not in source
            3 Linear b
            """, Read(TwoLayers + "public override Tensor forward(Tensor x) => b.forward(a.forward(x).cumsum(1));"));

    [Fact]
    public void ALoopOverAModuleListIsUnrolled() =>
        Assert.Equal("""
            0 Input
            1 Linear layers.0
            2 Tanh
            3 Linear layers.1
            4 Tanh
            5 Linear layers.2
            6 Tanh
            """, Read("""
                private readonly ModuleList<Linear> layers = new();
                public Net() : base("net")
                {
                    for (int i = 0; i < 3; i++) layers.Add(Linear(8, 8));
                    RegisterComponents();
                }
                public override Tensor forward(Tensor x)
                {
                    foreach (var layer in layers) x = layer.forward(x).tanh();
                    return x;
                }
                """));

    [Theory]
    [InlineData("for (int i = 0; i < layers.Count; i++) x = layers[i].forward(x);")]
    [InlineData("var i = 0; while (i < layers.Count) { x = layers[i++].forward(x); }")]
    [InlineData("var i = 0; do { x = layers[i].forward(x); i += 1; } while (i != 2);")]
    [InlineData("x = layers.Aggregate(x, (h, layer) => layer.forward(h));")]
    [InlineData("foreach (var (layer, i) in layers.Select((layer, i) => (layer, i))) x = layer.forward(x);")]
    [InlineData("for (int i = 0; ; i++) { if (i == layers.Count) break; x = layers[i].forward(x); }")]
    [InlineData("x = layers[^2].forward(x); x = layers[^1].forward(x);")]
    public void EveryLoopOverLayersIsUnrolled(string loop) =>
        Assert.Equal("""
            0 Input
            1 Linear layers.0
            2 Linear layers.1
            """, Read($$"""
                private readonly ModuleList<Linear> layers = ModuleList(Linear(8, 8), Linear(8, 8));
                public Net() : base("net") { RegisterComponents(); }
                public override Tensor forward(Tensor x) { {{loop}} return x; }
                """));

    [Fact]
    public void ALoopWithAnUnknownNumberOfStepsIsOpaque() =>
        Assert.Equal("""
            0 Input
            1 Data()
            2 Relu
            3 Opaque(0, 2): a loop over an unknown number of steps: for (long i = 0; i < x.shape[0]; i++)
            """, Read(TwoLayers + "public override Tensor forward(Tensor x) { for (long i = 0; i < x.shape[0]; i++) x = x.relu(); return x; }"));

    [Fact]
    public void ALayerOverAnUnknownNumberOfStepsIsReadWithManyAndWithFew()
    {
        var graph = Graph(Net(TwoLayers + "public override Tensor forward(Tensor x) { for (long i = 0; i < x.shape[0]; i++) x = a.forward(x); return b.forward(x); }"));

        Assert.Equal(12, graph.Nodes.Count(node => node.Path == "a"));
        var choice = Assert.Single(graph.Nodes, node => node.Role == Role.Choice);
        Assert.Equal([12, 3], choice.Inputs.Select(input => Before(graph, input)));
        Assert.Equal(["a"], graph.Unrolled.Select(layer => layer.Path));

        static int Before(ModelGraph graph, int node) => graph.Nodes[node].Path == "a" ? 1 + Before(graph, graph.Nodes[node].Inputs[0]) : 0;
    }

    [Fact]
    public void AHandWrittenRecurrenceIsSeen()
    {
        var graph = Graph(Net("""
            private readonly Linear input = Linear(4, 8), hidden = Linear(8, 8);
            public Net() : base("net") { RegisterComponents(); }
            public override Tensor forward(Tensor x)
            {
                var h = torch.zeros(1, 8);
                for (long t = 0; t < x.shape[0]; t++) h = torch.tanh(input.forward(x[t]) + hidden.forward(h));
                return h;
            }
            """));

        Assert.Equal(["hidden"], graph.Unrolled.Select(layer => layer.Path));
        Assert.Equal(["hidden"], graph.RecurrentLayers().Select(layer => layer.Path));
        Assert.True(graph.IsComplete);
    }

    [Theory]
    [InlineData("h = cell.forward(x, h)", "GRUCell(4, 4)", "Tensor, Tensor, Tensor", "cell")]
    [InlineData("h = torch.tanh(cell.forward(h))", "Linear(4, 4)", "Tensor, Tensor", "cell")]
    public void ALayerThatIsUsedOnItsOwnOutputIsRecurrent(string step, string layer, string types, string path)
    {
        var graph = Graph(Net($$"""
            private readonly Module<{{types}}> cell = {{layer}};
            public Net() : base("net") { RegisterComponents(); }
            public override Tensor forward(Tensor x) { var h = x; for (var t = 0; t < 3; t++) {{step}}; return h; }
            """));

        Assert.Equal([path], graph.RecurrentLayers().Select(recurrent => recurrent.Path));
    }

    [Fact]
    public void ALayerThatIsUsedTwiceSideBySideIsNotRecurrent() =>
        Assert.Empty(Graph(Net(TwoLayers + "public override Tensor forward(Tensor x) => a.forward(x) + a.forward(x.tanh());")).RecurrentLayers());

    [Fact]
    public void AForwardThatSwitchesGradientsOffIsOpaque()
    {
        var graph = Graph(Net(TwoLayers + "public override Tensor forward(Tensor x) { Tensor h; using (torch.no_grad()) h = a.forward(x); return b.forward(h); }"));

        Assert.Equal("forward switches gradients off", graph.Obstacle);
    }

    [Fact]
    public void TwoUsesOfALayerShareIt()
    {
        var graph = Graph(Net(TwoLayers + "public override Tensor forward(Tensor x) => b.forward(a.forward(a.forward(x)));"));

        Assert.Equal(2, graph.Uses(graph.Layers.Single(layer => layer.Path == "a")).Count());
    }

    [Fact]
    public void RecurrentLayersReturnTheirTuples() =>
        Assert.Equal("""
            0 Input
            1 Embedding embedding features=16
            2 Lstm lstm hidden=32 layers=2
            3 Select
            4 Linear head
            """, Read("""
                private readonly Embedding embedding = Embedding(100, 16);
                private readonly LSTM lstm = LSTM(16, 32, numLayers: 2, batchFirst: true);
                private readonly Linear head = Linear(32, 2);
                public Net() : base("net") { RegisterComponents(); }
                public override Tensor forward(Tensor x)
                {
                    var (output, h, c) = lstm.call(embedding.forward(x));
                    return head.forward(output[TensorIndex.Colon, -1]);
                }
                """, meanings: ["features", "hidden", "layers"]));

    [Fact]
    public void SeveralInputsAndOutputsAreRead()
    {
        var graph = Graph("""
            class Net : Module<Tensor, Tensor, (Tensor mean, Tensor variance)>
            {
                private readonly Linear a = Linear(4, 4), b = Linear(4, 4);
                public Net() : base("net") { RegisterComponents(); }
                public override (Tensor, Tensor) forward(Tensor x, Tensor y) => (a.forward(x), b.forward(y));
            }
            """);

        Assert.Equal([2, 3], graph.Outputs);
        Assert.Equal("""
            0 Input
            1 Input()
            2 Linear a(0)
            3 Linear b(1)
            output 2
            """, Dump(graph));
    }

    [Fact]
    public void AModuleWithoutAGenericBaseHasTheForwardThatItNames() =>
        Assert.Equal("""
            0 Input
            1 Input()
            2 Add(0, 1)
            3 Linear a
            """, Dump(Graph("""
                class Net : Module
                {
                    private readonly Linear a = Linear(4, 4);
                    public Net() : base("net") { RegisterComponents(); }
                    public Tensor forward(Tensor x, Tensor y, Tensor? mask = null) => mask is null ? a.forward(x + y) : a.forward(mask);
                }
                """)));

    [Theory]
    [InlineData("F.sigmoid(x)", Role.Sigmoid)]
    [InlineData("torch.sigmoid(x)", Role.Sigmoid)]
    [InlineData("torch.sigmoid_(x)", Role.Sigmoid)]
    [InlineData("x.sigmoid()", Role.Sigmoid)]
    [InlineData("x.sigmoid_()", Role.Sigmoid)]
    [InlineData("torch.special.expit(x)", Role.Sigmoid)]
    [InlineData("F.tanh(x)", Role.Tanh)]
    [InlineData("torch.tanh(x)", Role.Tanh)]
    [InlineData("F.leaky_relu(x, 0.2)", Role.LeakyRelu)]
    [InlineData("x.leaky_relu(0.2)", Role.LeakyRelu)]
    [InlineData("F.gelu(x)", Role.Gelu)]
    [InlineData("F.softmax(x, 1)", Role.Softmax)]
    [InlineData("torch.softmax(x, 1)", Role.Softmax)]
    [InlineData("x.softmax(1)", Role.Softmax)]
    [InlineData("F.log_softmax(x, 1)", Role.LogSoftmax)]
    [InlineData("F.dropout(x, 0.3)", Role.Dropout)]
    [InlineData("F.max_pool2d(x, 2)", Role.MaxPool)]
    [InlineData("F.avg_pool2d(x, 2)", Role.AvgPool)]
    [InlineData("F.adaptive_avg_pool2d(x, 1)", Role.AdaptiveAvgPool)]
    [InlineData("x.flatten(1)", Role.Flatten)]
    [InlineData("torch.flatten(x, 1)", Role.Flatten)]
    [InlineData("x.view(-1, 64)", Role.Reshape)]
    [InlineData("x.reshape(x.shape[0], -1)", Role.Reshape)]
    [InlineData("x.transpose(1, 2)", Role.Permute)]
    [InlineData("x.T", Role.Permute)]
    [InlineData("x.contiguous().to(torch.float32).tanh()", Role.Tanh)]
    [InlineData("x * 2", Role.Multiply)]
    [InlineData("x / 2.0", Role.Divide)]
    [InlineData("-x", Role.Negate)]
    [InlineData("x.mean([2L, 3L])", Role.Mean)]
    [InlineData("x[0]", Role.Select)]
    [InlineData("x.select(1, -1)", Role.Select)]
    [InlineData("x.detach()", Role.Detach)]
    public void EveryFormOfAFunctionHasItsRole(string expression, object role)
    {
        var graph = Graph($$"""
            class Net : Module<Tensor, Tensor>
            {
                public Net() : base("net") { RegisterComponents(); }
                public override Tensor forward(Tensor x) => {{expression}};
            }
            """);

        Assert.Equal(role, graph.Nodes[graph.Output].Role);
        Assert.Equal([0], graph.Nodes[graph.Output].Inputs);
    }
}
