using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using Xunit;
using static GradAnalyzers.Tests.Models.ModelSource;

namespace GradAnalyzers.Tests.Models;

/// <summary>Models as people train them get a verdict; what nobody can know gets none.</summary>
public sealed class VerdictTests
{
    private static GradientFlowPrediction Predict(string members, string others = "") => GradientFlowPrediction.Predict(GraphNetwork.Of(Graph(Net(members, others))));

    private static string Layers(string fields, string forward, string parameters = "", string constructor = "") => $$"""
        {{fields}}
        public Net({{parameters}}) : base("net") { {{constructor}} RegisterComponents(); }
        public override Tensor forward(Tensor x) { {{forward}} }
        """;

    private const string Projections = "private readonly Linear q = Linear(64, 64), k = Linear(64, 64), v = Linear(64, 64), o = Linear(64, 10);";

    [Theory]
    [InlineData("return o.forward(torch.matmul(F.softmax(torch.matmul(q.forward(x), k.forward(x).transpose(1, 2)) / 8, -1), v.forward(x)));")]
    [InlineData("var s = torch.bmm(q.forward(x) * 0.125, k.forward(x).permute(0, 2, 1)); s = s.masked_fill(torch.triu(torch.ones(9, 9), 1).eq(1), -1e9); return o.forward(torch.bmm(s.softmax(2), v.forward(x)));")]
    [InlineData("return o.forward(F.scaled_dot_product_attention(q.forward(x).unsqueeze(1), k.forward(x).unsqueeze(1), v.forward(x).unsqueeze(1)).squeeze(1));")]
    [InlineData("long b = x.size(0), t = x.size(1); Tensor Heads(Tensor y) => y.view(b, t, 4, 16).transpose(1, 2); var a = (Heads(q.forward(x)).matmul(Heads(k.forward(x)).transpose(-2, -1)) / Math.Sqrt(16)).softmax(-1); return o.forward(a.matmul(Heads(v.forward(x))).transpose(1, 2).reshape(b, t, -1));")]
    public void AttentionWrittenOutIsPredicted(string forward)
    {
        var prediction = Predict(Layers(Projections, forward));

        Assert.Equal(Verdict.Healthy, prediction.Verdict);
        // Through the logits little comes back, but not nothing: measured between a tenth and a half of what the values get.
        var relative = prediction.Parameters.ToDictionary(parameter => parameter.Path, parameter => parameter.LogNorm);
        Assert.InRange(relative["q.weight"] - relative["v.weight"], -1.5, -0.05);
    }

    [Fact]
    public void SixteenLayersOfAttentionWithoutSkipsVanish() => Assert.Equal(Verdict.Vanishing, Predict(Layers(
        "private readonly ModuleList<Linear> q = new(), k = new(), v = new(); private readonly Linear o = Linear(64, 10);",
        "for (var i = 0; i < q.Count; i++) x = torch.bmm(torch.softmax(torch.bmm(q[i].forward(x), k[i].forward(x).transpose(1, 2)) / 8, -1), v[i].forward(x)); return o.forward(x);",
        constructor: "for (var i = 0; i < 16; i++) { q.Add(Linear(64, 64)); k.Add(Linear(64, 64)); v.Add(Linear(64, 64)); }")).Verdict);

    [Theory]
    [InlineData("private readonly TransformerEncoder body = TransformerEncoder(TransformerEncoderLayer(64, 4, 128), 3); private readonly Linear o = Linear(64, 10);", "return o.forward(body.call(x));")]
    [InlineData("private readonly TransformerDecoderLayer body = TransformerDecoderLayer(64, 4, 128); private readonly Linear o = Linear(64, 10);", "return o.forward(body.forward(x, x.relu(), null, null, null, null));")]
    [InlineData("private readonly MultiheadAttention body = MultiheadAttention(64, 4); private readonly Linear o = Linear(64, 10);", "var (y, _) = body.forward(x, x, x, null, false, null); return o.forward(x + y);")]
    public void TheLibrarysTransformersArePredicted(string fields, string forward) => Assert.Equal(Verdict.Healthy, Predict(Layers(fields, forward)).Verdict);

    [Theory]
    [InlineData("x * torch.sigmoid(x.relu())")]
    [InlineData("x * torch.rsqrt(x.pow(2).mean(new long[] { -1 }, keepdim: true) + 1e-6)")]
    [InlineData("F.glu(torch.cat(new[] { x, x }, 1), 1)")]
    [InlineData("x.chunk(2, 1)[0].sigmoid()")]
    [InlineData("x - x.mean(new long[] { 1 }, keepdim: true)")]
    [InlineData("x * scale + shift")]
    public void GatesNormsAndScalesWrittenOutArePredicted(string expression) => Assert.Equal(Verdict.Healthy, Predict(Layers(
        "private readonly Linear a = Linear(64, 64), b = Linear(64, 10); private readonly Parameter scale = Parameter(torch.ones(64)), shift = Parameter(torch.zeros(64));",
        $"x = a.forward(x); x = {expression}; return b.forward(x);".Replace("return b", expression.Contains("chunk") ? "return half" : "return b"), constructor: "half = Linear(32, 10);")
        .Replace("private readonly Parameter", "private readonly Linear half; private readonly Parameter")).Verdict);

    [Theory]
    [InlineData("0.5 * x * (1 + torch.tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x.pow(3))))", "F.gelu(x)")]
    [InlineData("x * (0.5 * (((x + x * x * x * 0.044715) * 0.7978845608f).tanh() + 1.0))", "F.gelu(x)")]
    [InlineData("x / (x.pow(2).mean(new long[] { -1 }, keepdim: true).sqrt() + 1e-6)", "x * torch.rsqrt(x.pow(2).mean(new long[] { -1 }, keepdim: true) + 1e-6)")]
    [InlineData("x / (torch.sqrt(torch.mean(x.pow(2), new long[] { -1 }, true)) + Epsilon)", "x * torch.rsqrt(x.pow(2).mean(new long[] { -1 }, keepdim: true) + 1e-6)")]
    public void WrittenOutOrCalledTheyAreTheSame(string written, string called)
    {
        var one = Predict(Stack(written));
        var other = Predict(Stack(called));

        Assert.NotEqual(Verdict.Unknown, one.Verdict);
        Assert.Equal(other.Parameters.Select(parameter => (parameter.Path, parameter.LogNorm)), one.Parameters.Select(parameter => (parameter.Path, parameter.LogNorm)));
    }

    [Theory]
    [InlineData("0.5 * x * (1 + torch.tanh(x))")]
    [InlineData("0.5 * x * (1 + torch.tanh(0.7978845608 * (x + 0.5 * x.pow(3))))")]
    [InlineData("x * (1 + torch.tanh(0.7978845608 * (x + 0.044715 * x.pow(3))))")]
    public void AnotherGateIsNotTakenForGelu(string written) => Assert.DoesNotContain(GraphNetwork.Of(Graph(Net(Stack(written)))).Nodes, node => node.Layer is Activation { Kind: ActivationKind.GELU });

    private const string Grouped = "private readonly Linear q = Linear(64, 64), k = Linear(64, 16), v = Linear(64, 16), o = Linear(64, 10);";

    [Theory]
    [InlineData("Tensor Again(Tensor y) => y.repeat_interleave(4, dim: 1);")]
    [InlineData("Tensor Again(Tensor y) => torch.repeat_interleave(y, 4, 1);")]
    [InlineData("Tensor Again(Tensor y) => y.unsqueeze(2).expand(b, 1, 4, t, 16).reshape(b, 4, t, 16);")]
    [InlineData("Tensor Again(Tensor y) { var (one, h, n, d) = (y.shape[0], y.shape[1], y.shape[2], y.shape[3]); return y.unsqueeze(2).expand(one, h, 4, n, d).reshape(one, h * 4, n, d); }")]
    public void FewHeadsOfKeysForManyOfQueriesArePredicted(string again) => Assert.Equal(Verdict.Healthy, Predict(Layers(Grouped,
        "long b = x.size(0), t = x.size(1); Tensor Heads(Tensor y, long n) => y.view(b, t, n, 16).transpose(1, 2);" + again
        + "var a = (Heads(q.forward(x), 4).matmul(Again(Heads(k.forward(x), 1)).transpose(-2, -1)) / 4).softmax(-1); return o.forward(a.matmul(Again(Heads(v.forward(x), 1))).transpose(1, 2).reshape(b, t, 64));")).Verdict);

    [Fact]
    public void RepeatedPositionsAddUpTheirGradients()
    {
        const string Fields = "private readonly Linear a = Linear(16, 32), b = Linear(32, 8);";
        var once = Predict(Layers(Fields, "return b.forward(F.relu(a.forward(x.view(x.shape[0], 8, 16))));"));
        var often = Predict(Layers(Fields, "return b.forward(F.relu(a.forward(x.view(x.shape[0], 8, 16))).repeat_interleave(4, 1));"));

        Assert.Equal(Verdict.Healthy, often.Verdict);
        Assert.Equal(Math.Log10(once.FirstToLastRatio), Math.Log10(often.FirstToLastRatio), 0.1);
    }

    [Fact]
    public void HowOftenSomethingIsRepeatedThatNobodyCountsIsTriedFewTimesAndManyTimes()
    {
        static ModelGraph Of(string layer) => Graph(Net(Layers("private readonly ModuleList<Module<Tensor, Tensor>> layers = new(); private readonly Linear b = Linear(64, 10); private readonly int depth;",
            "for (var i = depth - 1; i >= 0; i--) x = layers[i].forward(x); return b.forward(x);", "int depth", $"this.depth = depth; for (var i = 0; i < depth; i++) layers.Add({layer});")));

        var healthy = Of("Sequential(Linear(64, 64), LayerNorm(64), ReLU())");
        var deep = Of("Sequential(Linear(64, 64), Sigmoid())");

        Assert.Equal(ModelGraph.Counts, healthy.Counted.Select(graph => graph.Layers.Count(layer => layer.Role == GradAnalyzers.Catalogue.Role.Linear) - 1));
        Assert.All(healthy.Counted, graph => Assert.Equal(Verdict.Healthy, GradientFlowPrediction.Predict(GraphNetwork.Of(graph)).Verdict));
        Assert.Equal([Verdict.Healthy, Verdict.Vanishing], deep.Counted.Select(graph => GradientFlowPrediction.Predict(GraphNetwork.Of(graph)).Verdict));
        Assert.Empty(Graph(Net(Layers("private readonly Linear b = Linear(64, 10);", "return b.forward(x);"))).Counted);
    }

    [Theory]
    [InlineData("torch.cat(heads.Select(head => head.forward(x)).ToList(), -1)")]
    [InlineData("torch.cat(Enumerable.Range(0, heads.Count).Select(i => heads[i].forward(x)).ToArray(), 2)")]
    public void AsManyHeadsAsTheCallerLikes(string joined)
    {
        var graph = Graph(Net(Layers("private readonly ModuleList<Linear> heads; private readonly Linear o; private readonly Embedding e = Embedding(50, 64);", $"x = e.forward(x); return o.forward({joined});",
            "int count, int size", "heads = new ModuleList<Linear>(Enumerable.Range(0, count).Select(_ => Linear(64, size)).ToArray()); o = Linear(count * size, 10);")));

        Assert.Equal([Verdict.Healthy, Verdict.Healthy], graph.Counted.Select(counted => GradientFlowPrediction.Predict(GraphNetwork.Of(counted)).Verdict));
    }

    [Fact]
    public void AnEpochCountsNoLayers() => Assert.Empty(Graph(Net(Layers("private readonly Linear b = Linear(64, 10);", "for (var i = 0; i < x.shape[1]; i++) x = x.cumsum(1); return b.forward(x);"))).Counted);

    [Fact]
    public void AViewInThePlaceOfATranspositionMixesFeaturesAndPositions() => Assert.Equal(Verdict.Healthy, Predict(Layers(
        "private readonly Conv2d q = Conv2d(32, 32, 1), k = Conv2d(32, 32, 1), v = Conv2d(32, 32, 1), o = Conv2d(32, 3, 1);",
        "var (b, c, h, w) = (x.size(0), 32, x.size(2), x.size(3)); Tensor Rows(Tensor y) => y.view(b, 1, h * w, c); return o.forward(F.scaled_dot_product_attention(Rows(q.forward(x)), Rows(k.forward(x)), Rows(v.forward(x))).view(b, c, h, w));")).Verdict);

    [Fact]
    public void TimeBeforeBatchIsFoundWhereHeadsAreInTheBatch() => Assert.Equal(Verdict.Healthy, Predict(Layers(Projections,
        "var (t, b) = (x.size(0), x.size(1)); Tensor Heads(Tensor y) => y.view(-1, b * 4, 16).transpose(0, 1); var s = F.softmax(torch.matmul(Heads(q.forward(x)), Heads(k.forward(x)).transpose(1, 2)) / 4, -1); return o.forward(torch.matmul(s, Heads(v.forward(x))).transpose(0, 1).contiguous().view(t, b, 64));")).Verdict);

    [Theory]
    [InlineData("var m = x.ne(1).@long(); var i = (m.cumsum(1) * m + 1).@long();")]
    [InlineData("var i = torch.cumsum(torch.ones(4, 9), 1).@long();")]
    public void PositionsCountedFromAMaskAreGiven(string positions) => Assert.Equal(Verdict.Healthy, Predict(Layers(
        "private readonly Embedding words = Embedding(50, 32), places = Embedding(60, 32); private readonly Linear o = Linear(32, 50);", positions + "return o.forward(words.forward(x) + places.forward(i));")).Verdict);

    [Fact]
    public void AMaximumOverOnePositionIsItself()
    {
        const string Fields = "private readonly Conv2d c = Conv2d(3, 32, 3, padding: 1); private readonly AdaptiveAvgPool2d one = AdaptiveAvgPool2d(1); private readonly MaxPool2d wide = MaxPool2d(5, stride: 1, padding: 2); private readonly Linear a = Linear(32, 10);";
        var without = Predict(Layers(Fields, "return a.forward(one.forward(c.forward(x)).flatten(1));"));
        var with = Predict(Layers(Fields, "return a.forward(wide.forward(wide.forward(one.forward(c.forward(x)))).flatten(1));"));

        Assert.Equal(Math.Log10(without.FirstToLastRatio), Math.Log10(with.FirstToLastRatio), 1e-6);
    }

    [Fact]
    public void OneMaximumForAllPositionsGetsTheSumOfTheirGradients()
    {
        const string Fields = "private readonly Conv2d c = Conv2d(3, 32, 3, padding: 1); private readonly AdaptiveAvgPool2d few = AdaptiveAvgPool2d(new long[] { 2, 2 }); private readonly MaxPool2d all = MaxPool2d(3, stride: 1, padding: 1); private readonly AdaptiveMaxPool2d one = AdaptiveMaxPool2d(new long[] { 1, 1 }); private readonly AdaptiveAvgPool2d mean = AdaptiveAvgPool2d(1); private readonly Linear a = Linear(32, 10);";
        var adaptive = Predict(Layers(Fields, "return a.forward(one.forward(few.forward(c.forward(x))).flatten(1));"));
        var windows = Predict(Layers(Fields, "return a.forward(mean.forward(all.forward(few.forward(c.forward(x)))).flatten(1));"));

        Assert.Equal(Math.Log10(adaptive.FirstToLastRatio), Math.Log10(windows.FirstToLastRatio), 0.01);
    }

    [Fact]
    public void FewInputsAreTriedWhereNobodySaysHowMany()
    {
        static Network Of(string fields, string forward, string parameters) => GraphNetwork.Of(Graph(Net(Layers(fields, forward, parameters, "a = Conv2d(channels, width, 3); b = Conv2d(width, 8, 3);"))));

        var stem = Of("private readonly Conv2d a, b;", "return b.forward(F.relu(a.forward(x)));", "int channels, int width = 64");
        var block = Of("private readonly Conv2d a, b;", "return b.forward(F.relu(a.forward(x)));", "int channels, int width");

        Assert.Equal([128, 3], new[] { stem, Assert.Single(stem.Others) }.Select(network => ((Convolution)network.Nodes[1].Layer).Inputs));
        Assert.Empty(block.Others);
    }

    private static string Stack(string step) => Layers("private const double Epsilon = 1e-6; private readonly ModuleList<Linear> layers = new(); private readonly Linear o = Linear(64, 10);",
        $"foreach (var layer in layers) {{ x = layer.forward(x); x = {step}; }} return o.forward(x);", constructor: "for (var i = 0; i < 6; i++) layers.Add(Linear(64, 64));");

    [Fact]
    public void AScaleThatStartsAtNothingIsMeantSo() => Assert.Equal(Verdict.Healthy, Predict(Layers(
        "private readonly Linear a = Linear(64, 64), b = Linear(64, 10); private readonly Parameter scale = Parameter(1e-6 * torch.ones(64));", "return b.forward(x + scale * a.forward(x).tanh());")).Verdict);

    [Theory]
    [InlineData("if (useNorm) x = n.forward(x);")]
    [InlineData("x = useNorm ? n.forward(x) : x;")]
    [InlineData("if (x.shape[0] > 1) x = n.forward(x); else x = x.tanh();")]
    [InlineData("x = optional?.forward(x) ?? x;")]
    [InlineData("if (optional is not null) { x = optional.forward(x); }")]
    public void AVerdictThatBothWaysShareIsOne(string statement) => Assert.Equal(Verdict.Healthy, Predict(Layers(
        "private readonly bool useNorm; private readonly Linear a = Linear(64, 64), b = Linear(64, 10); private readonly BatchNorm1d n = BatchNorm1d(64); private readonly LayerNorm optional;",
        $"x = a.forward(x); {statement} return b.forward(x);", "bool useNorm", "this.useNorm = useNorm; optional = useNorm ? LayerNorm(64) : null;")).Verdict);

    [Fact]
    public void WhereTheWaysDifferThereIsNoVerdict()
    {
        var prediction = Predict(Layers(
            "private readonly ModuleList<Linear> layers = new(); private readonly Linear b = Linear(64, 10); private readonly bool smooth;",
            "foreach (var layer in layers) { x = layer.forward(x); x = smooth ? x.sigmoid() : x; } return b.forward(x);",
            "bool smooth", "this.smooth = smooth; for (var i = 0; i < 8; i++) { var fc = Linear(64, 64); init.xavier_uniform_(fc.weight); layers.Add(fc); }"));

        Assert.Equal(Verdict.Unknown, prediction.Verdict);
        Assert.Equal("it depends on a condition that is not known: vanishing one way, healthy the other", prediction.Reason);
    }

    [Theory]
    [InlineData("x.view(x.shape[0], -1)")]
    [InlineData("x.flatten(1)")]
    [InlineData("x.reshape(x.shape[0], x.shape[1] * x.shape[2] * x.shape[3])")]
    [InlineData("x.permute(0, 2, 3, 1).reshape(new long[] { -1, 16 * 8 * 8 })")]
    [InlineData("x.flatten(2).transpose(1, 2).flatten(1)")]
    public void EveryWayToMakeAVectorSaysTheSame(string vector)
    {
        var written = Predict(Layers("private readonly Conv2d c = Conv2d(3, 16, 3, padding: 1); private readonly Linear a = Linear(16 * 8 * 8, 10);", $"x = c.forward(x).relu(); return a.forward({vector});"));
        var module = Predict(Layers("private readonly Conv2d c = Conv2d(3, 16, 3, padding: 1); private readonly Flatten f = Flatten(); private readonly Linear a = Linear(16 * 8 * 8, 10);", "return a.forward(f.forward(c.forward(x).relu()));"));

        Assert.Equal(Verdict.Healthy, written.Verdict);
        Assert.Equal(Math.Log10(module.FirstToLastRatio), Math.Log10(written.FirstToLastRatio), 0.05);
    }

    [Fact]
    public void EveryOutputThatALossMayReadHasToAgree()
    {
        const string Fields = "private readonly Linear a = Linear(64, 64), p = Linear(64, 4), w = Linear(64, 1); private readonly Sequential deep;";
        static string Two(string second, int depth) => $$"""
            {{Fields}}
            public Net() : base("net")
            {
                var layers = new List<Module<Tensor, Tensor>>();
                for (var i = 0; i < {{depth}}; i++) { layers.Add(Linear(64, 64)); layers.Add(Sigmoid()); }
                deep = Sequential(layers);
                RegisterComponents();
            }
            public override (Tensor, Tensor) forward(Tensor x) { x = a.forward(x).tanh(); return (p.forward(x), {{second}}); }
            """;

        GradientFlowPrediction Of(string members) => GradientFlowPrediction.Predict(GraphNetwork.Of(Graph(Net(members).Replace("Module<Tensor, Tensor>\n{", "Module<Tensor, (Tensor, Tensor)>\n{").Replace(": Module<Tensor, Tensor>", ": Module<Tensor, (Tensor, Tensor)>"))));
        Assert.Equal(Verdict.Healthy, Of(Two("w.forward(x)", 1)).Verdict);
        Assert.Equal("its outputs differ: all together healthy, one of them vanishing", Of(Two("w.forward(deep.forward(x))", 10)).Reason);
    }
}
