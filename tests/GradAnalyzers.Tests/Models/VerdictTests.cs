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
