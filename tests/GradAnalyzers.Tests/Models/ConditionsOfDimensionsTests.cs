using GradAnalyzers.Catalogue;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using Xunit;
using static GradAnalyzers.Tests.Models.ModelSource;

namespace GradAnalyzers.Tests.Models;

/// <summary>Conditions that ask for a number of dimensions, truth values that are asked again, loops through a known list.</summary>
public sealed class ConditionsOfDimensionsTests
{
    private static Verdict Of(string code) => GradientFlowPrediction.Predict(GraphNetwork.Of(Graph(code))).Verdict;

    private static string Layers(string fields, string forward, string parameters = "", string constructor = "") => Net($$"""
        {{fields}}
        public Net({{parameters}}) : base("net") { {{constructor}} RegisterComponents(); }
        public override Tensor forward(Tensor x) { {{forward}} }
        """);

    private const string Attention = "private readonly Linear q = Linear(64, 64, hasBias: false), k = Linear(64, 64, hasBias: false), v = Linear(64, 64, hasBias: false), o = Linear(64, 10);";

    private const string Heads = "Tensor Split(Tensor y) => y.view(batch, -1, 4, 16).transpose(1, 2); var a = F.scaled_dot_product_attention(Split(q.forward(x)), Split(k.forward(x)), Split(v.forward(x))); return o.forward(a.transpose(1, 2).reshape(batch, -1, 64));";

    [Theory]
    [InlineData("if (x.dim() == 4) x = x.view(x.shape[0], x.shape[1], x.shape[2] * x.shape[3]).transpose(1, 2); var batch = x.shape[0];")]
    [InlineData("var rank = x.ndim; if (rank != 4) { } else { x = x.flatten(2).permute(0, 2, 1); } var batch = x.size(0);")]
    [InlineData("x = x.shape.Length > 3 ? x.flatten(2).transpose(1, 2) : x; long batch = x.shape[0];")]
    [InlineData("if (x.dim() is 4) x = x.flatten(2).transpose(1, 2); var batch = (int)x.shape[0];")]
    public void ANumberOfDimensionsDecidesWhereItIsFollowed(string before) => Assert.Equal(Verdict.Healthy, Of(Layers(Attention, before + Heads)));

    [Theory]
    // Of what the sizes of a tensor say nothing of, or what an unread call gives, no way is taken for the other.
    [InlineData("if (x.shape[1] == 64) x = x.view(x.shape[0], x.shape[1], x.shape[2] * x.shape[3]).sort(1).Values; var batch = x.shape[0];")]
    [InlineData("var y = x.sort(0).Values; if (y.dim() == 4) x = y; var batch = x.shape[0];")]
    [InlineData("if (x.dim() == 3) x = x.sort(1).Values; var batch = x.shape[0];")]
    // Two dimensions are as possible as three.
    [InlineData("if (x.ndim < 3) x = x.sort(1).Values; var batch = x.shape[0];")]
    public void WhatDecidesOtherwiseIsNotTaken(string before) => Assert.Equal(Verdict.Unknown, Of(Layers(Attention, before + Heads)));

    [Theory]
    [InlineData("if (x.dim() == 4) x = x.sort(1).Values; var batch = x.shape[0];")]
    [InlineData("var batch = x.shape[0]; x = 3 >= x.dim() ? x : x.sort(1).Values;")]
    public void TheWayThatIsNotTakenIsNoObstacle(string before) => Assert.Equal(Verdict.Healthy, Of(Layers(Attention, before + Heads)));

    private const string Two = "private readonly Module<Tensor, Tensor> first; private readonly Linear last = Linear(64, 10); private readonly bool flag;";

    [Theory]
    [InlineData("flag = useLinear; first = useLinear ? Linear(64, 64) : Conv2d(64, 64, 1);", "if (flag) { x = first.forward(x.flatten(2).transpose(1, 2)); } else { x = first.forward(x).flatten(2).transpose(1, 2); } return last.forward(x);")]
    [InlineData("flag = useLinear; if (useLinear) first = Linear(64, 64); else first = Conv2d(64, 64, 1);", "if (!flag) x = first.forward(x); x = x.flatten(2).transpose(1, 2); if (flag) x = first.forward(x); return last.forward(x);")]
    [InlineData("this.flag = !useLinear; if (!useLinear) { first = Conv2d(64, 64, 1); } else { first = Linear(64, 64); }", "x = flag ? first.forward(x).flatten(2).transpose(1, 2) : first.forward(x.flatten(2).transpose(1, 2)); return last.forward(x);")]
    public void WhatATruthValueChoseIsKnownWhereItIsAskedAgain(string constructor, string forward) =>
        Assert.DoesNotContain(Graph(Layers(Two, forward, "bool useLinear", constructor)).Nodes, node => IsWrong(node, Graph(Layers(Two, forward, "bool useLinear", constructor))));

    // A convolution of what was flattened, or a linear layer of what was not: the wrong one of two.
    private static bool IsWrong(ModelNode node, ModelGraph graph) => node.Inputs is [var input] && (node.Role, Behind(graph, input)) is (Role.Conv, true) or (Role.Linear, false) && node.Layer?.Path == "first";

    private static bool Behind(ModelGraph graph, int node) => graph.Nodes[node].Role is Role.Permute or Role.Flatten;

    [Fact]
    public void AnotherTruthValueLeavesBothOpen()
    {
        var graph = Graph(Layers(Two, "if (other) x = first.forward(x); return last.forward(x.flatten(2).transpose(1, 2));", "bool useLinear, bool other", "flag = useLinear; this.other = other; first = useLinear ? Linear(64, 64) : Conv2d(64, 64, 1);").Replace("private readonly bool flag;", "private readonly bool flag, other;"));

        Assert.Equal(2, graph.Nodes.Count(node => node.Layer?.Path == "first"));
    }

    private const string List = "private readonly ModuleList<Linear> layers = new(); private readonly Linear last = Linear(64, 10); private readonly int skip;";

    [Theory]
    [InlineData("for (var i = 0; i < layers.Count - skip; i++) x = layers[i].forward(x).relu(); return last.forward(x);")]
    [InlineData("var count = skip > 0 ? layers.Count - skip : layers.Count; for (int i = 0; i < count; i++) { x = x + layers[i].forward(x).tanh(); } return last.forward(x);")]
    [InlineData("for (var i = 0; i != skip; ++i) { var layer = layers[i]; x = layer.forward(x).relu(); } return last.forward(x);")]
    public void ALoopEndsWhereTheListDoes(string forward)
    {
        var graph = Graph(Layers(List, forward, "int skip", "this.skip = skip; for (var i = 0; i < 5; i++) layers.Add(Linear(64, 64));"));

        Assert.Equal(Verdict.Healthy, GradientFlowPrediction.Predict(GraphNetwork.Of(graph)).Verdict);
        // Each has a weight of its own: no recurrence.
        Assert.Empty(graph.Unrolled);
        Assert.Equal(5, graph.Nodes.Where(node => node.Layer?.Path.StartsWith("layers", StringComparison.Ordinal) == true).Select(node => node.Layer!.Path).Distinct().Count());
    }

    [Theory]
    // The same layer at every step, and a list that is not known, are something else.
    [InlineData("for (var i = 0; i < skip; i++) x = layers[0].forward(x).relu(); return last.forward(x);")]
    [InlineData("for (var i = 0; i < skip; i++) x = layers[i % 2].forward(x).relu(); return last.forward(x);")]
    public void ALayerThatComesAgainIsARecurrence(string forward) =>
        Assert.NotEmpty(Graph(Layers(List, forward, "int skip", "this.skip = skip; for (var i = 0; i < 5; i++) layers.Add(Linear(64, 64));")).Unrolled);
}
