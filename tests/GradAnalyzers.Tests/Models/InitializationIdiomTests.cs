using GradAnalyzers.Catalogue;
using Xunit;

namespace GradAnalyzers.Tests.Models;

/// <summary>However a start is written, it is read, or it is unknown: never the layer's own default.</summary>
public sealed class InitializationIdiomTests
{
    [Theory]
    [InlineData("foreach (var m in modules()) if (m is Linear { weight: var w }) init.normal_(w, 0, 0.02);", "Normal")]
    [InlineData("foreach (var m in modules()) if (m is Linear { weight: { } w } l) { init.normal_(w, 0, 0.02); }", "Normal")]
    [InlineData("foreach (var m in modules()) switch (m) { case Linear { weight: var w }: init.xavier_normal_(w); break; case Conv2d c: init.zeros_(c.weight); break; }", "XavierNormal")]
    [InlineData("foreach (var m in modules()) switch (m) { case Linear l: init.orthogonal_(l.weight); break; }", "Orthogonal")]
    [InlineData("foreach (var (name, m) in named_modules()) if (m is Linear l) init.kaiming_normal_(l.weight);", "KaimingNormal")]
    [InlineData("using (no_grad()) foreach (var m in modules()) if (m is Linear l) init.trunc_normal_(l.weight, std: 0.02);", "TruncNormal")]
    [InlineData("foreach (var m in modules().OfType<Linear>()) init.constant_(m.weight, 0.1);", "Constant")]
    [InlineData("apply(m => { if (m is Linear { weight: var w }) init.normal_(w); });", "Normal")]
    [InlineData("Starts.Of(this);", "KaimingUniform", "static class Starts { public static void Of(Module root) { foreach (var m in root.modules()) { if (m is not Linear l) continue; init.kaiming_uniform_(l.weight); } } }")]
    [InlineData("foreach (var (name, p) in named_parameters()) if (name.EndsWith(\"weight\")) init.normal_(p);", "Normal")]
    [InlineData("foreach (var p in parameters()) if (p.dim() > 1) init.xavier_uniform_(p);", "Opaque,XavierUniform")]
    [InlineData("using (no_grad()) fc.weight.copy_(randn(8, 8));", "Opaque,Normal")]
    [InlineData("using var _ = no_grad(); fc.weight.set_(randn(8, 8));", "Opaque,Normal")]
    [InlineData("fc.weight = Parameter(randn(8, 8));", "Opaque,Normal")]
    [InlineData("using (no_grad()) fc.weight.mul_(0.1);", "Opaque")]
    [InlineData("using (no_grad()) fc.weight.fill_(0.1);", "Constant")]
    [InlineData("using (no_grad()) fc.weight.detach().fill_(0.1);", "Opaque,Constant")]
    [InlineData("foreach (var m in modules()) if (m.GetName() == \"Linear\") init.normal_(((dynamic)m).weight);", "Opaque,Normal")]
    [InlineData("foreach (var w in new[] { fc.weight }) init.normal_(w);", "Normal")]
    [InlineData("var w = fc.weight; init.zeros_(w);", "Zeros")]
    [InlineData("Action<Linear> start = l => init.ones_(l.weight); start(fc);", "Ones")]
    public void AStartIsRead(string initialization, string roles, string others = "")
    {
        var graph = ModelSource.Graph(ModelSource.Net($$"""
            private readonly Linear fc = Linear(8, 8);
            public Net() : base("net") { RegisterComponents(); {{initialization}} }
            public override Tensor forward(Tensor x) => fc.forward(x);
            """, others));

        Assert.Contains(graph.Layers.Single(layer => layer.Path == "fc").Weight!.Initialization.Role.ToString(), roles.Split(','));
    }

    [Theory]
    [InlineData("")]
    [InlineData("foreach (var m in modules()) if (m is Conv2d { weight: var w }) init.normal_(w);")]
    [InlineData("foreach (var m in modules()) switch (m) { case Conv2d { bias: { } b } c: init.zeros_(c.weight); init.zeros_(b); break; case LayerNorm n: init.ones_(n.weight); break; }")]
    [InlineData("foreach (var p in parameters()) Console.WriteLine(p.shape.Length);")]
    public void WhatIsNotTouchedKeepsItsDefault(string initialization) => AStartIsRead(initialization, nameof(Role.Default));
}
