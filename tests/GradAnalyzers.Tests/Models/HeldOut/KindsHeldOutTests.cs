using GradAnalyzers.Catalogue;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using Xunit;
using static GradAnalyzers.Tests.Models.ModelSource;

namespace GradAnalyzers.Tests.Models.HeldOut;

/// <summary>Kinds of code that keep a model that people train from being read: each is read, or stays unknown where it has to.</summary>
public sealed class KindsHeldOutTests
{
    private static ModelGraph Model(string members, string program = "_ = new Net();", string others = "") => Graph($$"""
        {{Net(members)}}
        {{others}}
        static class Program { static void Main(string[] args) { {{program}} } }
        """);

    private static GradientFlowPrediction Of(ModelGraph graph) => GradientFlowPrediction.Predict(GraphNetwork.Of(graph));

    private const string Body = "public override Tensor forward(Tensor x) => body.forward(x);";

    [Theory]
    // Sizes by a factor that is no whole number.
    [InlineData("Sequential body; public Net(float scale = 0.34f) : base(\"n\") { var all = new List<Module<Tensor, Tensor>>(); var n = 9; for (var i = 0; i < (int)(n * scale); i++) all.Add(Linear(8, 8)); body = Sequential(all); RegisterComponents(); }" + Body, 3)]
    // Sets, and arrays that are asked whether they contain a number.
    [InlineData("Sequential body; public Net() : base(\"n\") { var wide = new HashSet<int> { 1, 2 }; var all = new List<Module<Tensor, Tensor>>(); for (var i = 0; i < 4; i++) if (wide.Contains(i)) all.Add(Linear(8, 8)); body = Sequential(all); RegisterComponents(); }" + Body, 2)]
    [InlineData("Sequential body; int[] places => new[] { 0, 3 }; public Net() : base(\"n\") { var all = new List<Module<Tensor, Tensor>>(); for (var i = 0; i < 4; i++) if (places.Contains(i)) all.Add(Linear(8, 8)); body = Sequential(all); RegisterComponents(); }" + Body, 2)]
    // A layer taken out of a list again.
    [InlineData("ModuleList<Module<Tensor, Tensor>> body = new(); public Net() : base(\"n\") { for (var i = 0; i < 4; i++) body.Add(Linear(8, 8)); body.RemoveAt(body.Count - 1); RegisterComponents(); } public override Tensor forward(Tensor x) { foreach (var l in body) x = l.forward(x); return x; }", 3)]
    // The channels' maximum.
    [InlineData("Linear a = Linear(8, 8), b = Linear(1, 4); public Net() : base(\"n\") { RegisterComponents(); } public override Tensor forward(Tensor x) { var (m, _) = torch.max(a.forward(x), 1, keepdim: true); return b.forward(m); }", 2)]
    public void ItIsRead(string members, int layers)
    {
        var graph = Model(members);

        Assert.Equal(Verdict.Healthy, Of(graph).Verdict);
        Assert.Equal(layers, graph.Nodes.Count(node => node.Role.IsWeighted()));
    }

    [Fact]
    public void AnElementUnderAConditionIsThereOrNot()
    {
        var graph = Model("""
            Sequential body;
            public Net(string act) : base("n") { var all = new List<Module<Tensor, Tensor>> { Linear(8, 8) }; if (act == "relu") all.Add(ReLU()); else if (act == "swish") all.Add(SiLU()); all.Add(Linear(8, 4)); body = Sequential(all); RegisterComponents(); }
            public override Tensor forward(Tensor x) => body.forward(x);
            """, "_ = new Net(args[0]);");

        Assert.True(graph.IsComplete);
        Assert.Equal(2, graph.Nodes.Count(node => node.Role == Role.Choice));
        Assert.Contains(graph.Nodes, node => node.Role == Role.Silu);
        Assert.Equal(Verdict.Healthy, Of(graph).Verdict);
    }

    private const string Two = "Linear a = Linear(8, 8), b = Linear(8, 4); public Net() : base(\"n\") { RegisterComponents(); } public override Tensor forward(Tensor x) => b.forward(a.forward(x).relu());";

    [Theory]
    [InlineData("var net = new Net(); if (System.IO.File.Exists(args[0])) net.load(args[0]);", true)]
    [InlineData("var net = new Net(); Resume(net, args[0]);", true)]
    [InlineData("var net = new Net(); net.load(args[0]);", false)]
    [InlineData("var net = new Net(); Resume(net, args[0]); net.load(args[0]);", false)]
    public void WithoutACheckpointItStartsAsItIsMade(string program, bool isKnown) =>
        Assert.Equal(isKnown ? Verdict.Healthy : Verdict.Unknown, Of(Graph($"{Net(Two)}\nstatic class Program {{ static void Main(string[] args) {{ {program} }} static void Resume(Net net, string path) {{ if (!System.IO.File.Exists(path)) return; try {{ net.load(path); }} catch (Exception) {{ }} }} }}")).Verdict);

    [Fact]
    public void AModelThatIsTrainedHereAndLoadedThereIsJudgedAsItIsTrained() =>
        Assert.Equal(Verdict.Healthy, Of(Graph($"{Net(Two)}\nstatic class Program {{ static void Train() {{ var net = new Net(); }} static void Use(string path) {{ var net = new Net(); net.load(path); }} }}")).Verdict);

    [Theory]
    [InlineData("init.xavier_normal_(a.weight, gain);", true)]
    [InlineData("init.normal_(a.weight, 0, gain);", true)]
    [InlineData("init.kaiming_uniform_(a.weight, gain);", true)]
    [InlineData("init.constant_(a.weight, gain);", false)]
    [InlineData("init.normal_(a.weight, gain, 0.1);", false)]
    public void AGainThatNobodyTellsIsTried(string start, bool isKnown) => Assert.Equal(isKnown ? Verdict.Healthy : Verdict.Unknown, Of(Model(
        $"Linear a = Linear(8, 8), b = Linear(8, 4); public Net(double gain, int any) : base(\"n\") {{ {start} RegisterComponents(); }} public override Tensor forward(Tensor x) => b.forward(a.forward(x).relu());", "_ = new Net(double.Parse(args[0]), 3);")).Verdict);

    [Fact]
    public void AGainThatDecidesIsNotGuessed() => Assert.Equal(Verdict.Unknown, Of(Model("""
        ModuleList<Linear> all = new();
        public Net(double gain, int any) : base("n") { for (var i = 0; i < 12; i++) { all.Add(Linear(64, 64)); init.xavier_normal_(all[i].weight, gain); } RegisterComponents(); }
        public override Tensor forward(Tensor x) { foreach (var l in all) x = l.forward(x).tanh(); return x; }
        """, "_ = new Net(double.Parse(args[0]), 3);")).Verdict);

    [Theory]
    [InlineData("_ = new Net(int.Parse(args[0]), 16);", 3)]
    [InlineData("_ = new Net(5, 16);", 5)]
    public void AnArgumentThatIsNotKnownHasItsDefaultWhereNothingElseCanBeRead(string program, int layers)
    {
        var graph = Model("ModuleList<Linear> all = new(); public Net(int depth = 3, int width = 8) : base(\"n\") { for (var i = 0; i < depth; i++) all.Add(Linear(width, width)); RegisterComponents(); } public override Tensor forward(Tensor x) { foreach (var l in all) x = l.forward(x).relu(); return x; }", program);

        Assert.Equal(layers, graph.Nodes.Count(node => node.Role == Role.Linear));
        Assert.Equal(16, graph.Nodes.First(node => node.Role == Role.Linear).Size("fan_in")?.Whole);
    }

    [Fact]
    public void WhatIsDetachedLearnsByTheOtherWay()
    {
        var prediction = Of(Model("Linear a = Linear(8, 8), b = Linear(8, 8), c = Linear(8, 4); public Net() : base(\"n\") { RegisterComponents(); } public override Tensor forward(Tensor x) => c.forward(b.forward(a.forward(x).relu().detach()).relu());"));

        Assert.Equal(Verdict.Healthy, prediction.Verdict);
        Assert.Equal("b.weight", prediction.FirstWeight);
        Assert.DoesNotContain(prediction.Parameters, parameter => parameter.Path.StartsWith("a.", StringComparison.Ordinal));
    }

    [Fact]
    public void EachTensorOfAListThatIsGivenIsAnInputOfItsOwn()
    {
        var graph = Graph("""
            class Net : Module<Tensor[], Tensor>
            {
                Conv2d low = Conv2d(8, 16, 1), high = Conv2d(16, 16, 1), last = Conv2d(16, 4, 3, padding: 1);
                public Net() : base("n") { RegisterComponents(); }
                public override Tensor forward(Tensor[] x) => last.forward(low.forward(x[0]) + F.interpolate(high.forward(x[1]), scale_factor: new double[] { 2, 2 }));
            }
            static class Program { static void Main() { _ = new Net(); } }
            """);

        Assert.Equal(2, graph.Nodes.Count(node => node.Role == Role.Input));
        Assert.Equal(Verdict.Healthy, Of(graph).Verdict);
    }

    [Theory]
    [InlineData("F.linear(x, g * v / v.norm(1, keepdim: true))", true)]
    [InlineData("F.linear(x, v + 0.1 * torch.randn(8, 8))", true)]
    [InlineData("F.linear(x, (v - v.mean(new long[] { 1 }, keepdim: true)) / v.std(1, true, true))", true)]
    // Nothing in it is trained, or nobody knows how it starts.
    [InlineData("F.linear(x, torch.randn(8, 8))", false)]
    [InlineData("F.linear(x, v.cumsum(1))", false)]
    [InlineData("F.linear(x, u)", false)]
    public void AWeightThatForwardComputesIsFollowed(string call, bool isKnown) => Assert.Equal(isKnown ? Verdict.Healthy : Verdict.Unknown, Of(Model($$"""
        Parameter v = Parameter(torch.randn(8, 8)), g = Parameter(torch.ones(8, 1)), u = Parameter(torch.empty(8, 8)); Linear last = Linear(8, 4);
        public Net() : base("n") { RegisterComponents(); }
        public override Tensor forward(Tensor x) => last.forward({{call}}.relu());
        """)).Verdict);
}
