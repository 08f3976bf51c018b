using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using Xunit;
using static GradAnalyzers.Tests.Models.ModelSource;

namespace GradAnalyzers.Tests.Models.HeldOut;

/// <summary>Held out: written before goto was read. Where a jump may go another way, nothing is said; a jump that surely happens is followed.</summary>
public sealed class JumpHeldOutTests
{
    private static ModelGraph Read(string constructor, string forward, string fields = "", string parameters = "") => Graph(Net($$"""
        private readonly Linear a = Linear(16, 16), b = Linear(16, 16), c = Linear(16, 4); {{fields}}
        public Net({{parameters}}) : base("net") { {{constructor}} RegisterComponents(); }
        public override Tensor forward(Tensor x) { {{forward}} }
        """));

    [Theory]
    [InlineData("x = a.forward(x); if (x.shape[0] > 4) goto end; x = b.forward(x).sigmoid(); end: return c.forward(x);")]
    [InlineData("again: x = a.forward(x).sigmoid(); if (x.sum().item<float>() > 0) goto again; return c.forward(x);")]
    [InlineData("foreach (var size in x.shape) { if (size == 1) goto done; x = b.forward(x).relu(); } x = a.forward(x); done: return c.forward(x);")]
    [InlineData("try { if (x.IsInvalid) goto end; x = a.forward(x); } finally { } end: return c.forward(x);")]
    public void AJumpThatMayHappenLeavesNothingKnown(string forward) => Assert.Equal(Verdict.Unknown, GradientFlowPrediction.Predict(GraphNetwork.Of(Read("", forward))).Verdict);

    // Held out as unknown; with every way of the switch followed, what all of them share is a verdict.
    [Fact]
    public void SectionsThatGoOnToOthersAreWaysLikeAnyOther() => Assert.Equal(Verdict.Healthy, GradientFlowPrediction.Predict(GraphNetwork.Of(Read("",
        "switch (x.shape[0]) { case 1: x = a.forward(x); goto case 2; case 2: x = b.forward(x).relu(); break; default: goto case 1; } return c.forward(x);"))).Verdict);

    [Theory]
    [InlineData("x = a.forward(x); goto end; end: return c.forward(x);", 2)]
    [InlineData("var i = 0; again: x = a.forward(x).relu(); if (++i < 3) goto again; return c.forward(x);", 4)]
    [InlineData("for (var i = 0; i < 4; i++) for (var j = 0; j < 4; j++) { x = a.forward(x); if (i == 1) goto out_; } out_: return c.forward(x);", 6)]
    [InlineData("switch (mode) { case 1: x = a.forward(x); goto case 2; case 2: x = b.forward(x).relu(); goto default; default: x = a.forward(x); break; } return c.forward(x);", 4)]
    [InlineData("if (mode == 2) goto skipped; x = a.forward(x); skipped: x = b.forward(x); return c.forward(x);", 3)]
    public void AJumpThatSurelyHappensIsFollowed(string forward, int layers)
    {
        var graph = Read("", forward, "private readonly int mode = 1;");

        Assert.True(graph.IsComplete);
        Assert.Equal(layers, graph.Nodes.Count(node => node.Layer is not null));
    }

    [Theory]
    [InlineData("var list = new List<Module<Tensor, Tensor>>(); if (small) goto end; list.Add(Linear(16, 16)); list.Add(Sigmoid()); end: list.Add(Linear(16, 4)); body = Sequential(list);")]
    [InlineData("body = Sequential(); more: body.append(Linear(16, 16)); if (body.Count < count) goto more; body.append(Linear(16, 4));")]
    [InlineData("var width = 16; if (small) goto wide; width = 8; wide: body = Sequential(Linear(16, width), ReLU(), Linear(width, 4)); init.normal_(((Linear)body[0]).weight, 0.01 * width, 0.1);")]
    public void AConstructorThatMayJumpBuildsWhatIsNotKnown(string constructor)
    {
        var graph = Read(constructor, "return body.forward(x);", "private Sequential body;", "bool small, int count");

        Assert.Equal(Verdict.Unknown, GradientFlowPrediction.Predict(GraphNetwork.Of(graph)).Verdict);
        Assert.DoesNotContain(graph.Layers, layer => layer.Registration is Registration.NeverRegistered or Registration.AssignedTooLate);
    }

    [Fact]
    public void AProgramThatTriesAgainStillMakesItsModel() => Assert.Contains(Graphs("""
        var tries = 0;
        again:
        try { var net = new Net(3); System.Console.WriteLine(net.forward(rand(1, 8)).shape[0]); }
        catch (InvalidOperationException) { if (++tries < 3) goto again; }
        class Net : Module<Tensor, Tensor>
        {
            private readonly Sequential body;
            public Net(int depth) : base("net") { var all = new List<Module<Tensor, Tensor>>(); for (var i = 0; i < depth; i++) all.Add(Linear(8, 8)); body = Sequential(all); RegisterComponents(); }
            public override Tensor forward(Tensor x) => body.forward(x);
        }
        """), graph => graph.Name == "Net" && graph.IsComplete && graph.Arguments is [("depth", "3")]);

    [Fact]
    public void AWidthThatAJumpMayChangeIsNotTakenForAConstant() => Assert.DoesNotContain(Graphs("""
        var width = 8;
        if (args.Length > 0) goto make;
        width = 64;
        make:
        var net = new Net(width);
        class Net : Module<Tensor, Tensor>
        {
            private readonly Linear a;
            public Net(int width) : base("net") { a = Linear(width, width); RegisterComponents(); }
            public override Tensor forward(Tensor x) => a.forward(x);
        }
        """), graph => graph.Arguments is [("width", "64" or "8")]);
}
