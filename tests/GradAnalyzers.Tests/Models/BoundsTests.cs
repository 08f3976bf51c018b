using System.Text;
using Xunit;
using static GradAnalyzers.Tests.Models.ModelSource;

namespace GradAnalyzers.Tests.Models;

/// <summary>Whatever the source, reading it ends, and ends without an exception.</summary>
public sealed class BoundsTests
{
    [Theory]
    [InlineData("class Net : Module<Tensor, Tensor> { Net inner; public Net() : base(\"n\") { inner = new Net(); } public override Tensor forward(Tensor x) => inner.forward(x); }")]
    [InlineData("class Net : Module<Tensor, Tensor> { Net a = new(), b = new(); public Net() : base(\"n\") { } public override Tensor forward(Tensor x) => b.forward(a.forward(x)); }")]
    [InlineData("class Net : Module<Tensor, Tensor> { Other other = new(); public Net() : base(\"n\") { } public override Tensor forward(Tensor x) => x; } class Other : Module { Net net = new(); public Other() : base(\"o\") { } }")]
    [InlineData("class Net : Module<Tensor, Tensor> { Net self; public Net() : base(\"n\") { self = this; RegisterComponents(); } public override Tensor forward(Tensor x) => self.forward(x); }")]
    [InlineData("class Net : Module<Tensor, Tensor> { public Net() : base(\"n\") { } public override Tensor forward(Tensor x) => forward(x); }")]
    [InlineData("class Net : Module<Tensor, Tensor> { public Net() : base(\"n\") { } public override Tensor forward(Tensor x) { while (true) x = x.tanh(); } }")]
    [InlineData("class Net : Module<Tensor, Tensor> { public Net() : base(\"n\") { } public override Tensor forward(Tensor x) { for (int i = 0; i < 2000000000; i++) x = x.tanh(); return x; } }")]
    [InlineData("class Net : Module<Tensor, Tensor> { public Net() : base(\"n\") { } public override Tensor forward(Tensor x) { for (;;) for (;;) for (;;) x = x + x; } }")]
    [InlineData("class Net : Module<Tensor, Tensor> { int F(int n) => F(n + 1) + F(n - 1); Linear l; public Net() : base(\"n\") { l = Linear(F(3), 4); } public override Tensor forward(Tensor x) => l.forward(x); }")]
    [InlineData("class Net : Module<Tensor, Tensor> { int P => P + 1; Linear l; public Net() : base(\"n\") { l = Linear(P, 4); } public override Tensor forward(Tensor x) => l.forward(x); }")]
    [InlineData("class Net : Module<Tensor, Tensor> { static readonly int A = B, B = A; Linear l = Linear(A, B); public Net() : base(\"n\") { } public override Tensor forward(Tensor x) => l.forward(x); }")]
    [InlineData("class Net : Module<Tensor, Tensor> { public Net() : base(\"n\") { var s = Sequential(); s.append(s); RegisterComponents(); body = s; } Sequential body; public override Tensor forward(Tensor x) => body.forward(x); }")]
    [InlineData("class Net : Module<Tensor, Tensor> { ModuleList<Module> l = new(); public Net() : base(\"n\") { l.Add(l); l.Add(this); RegisterComponents(); } public override Tensor forward(Tensor x) => x; }")]
    [InlineData("class Net : Module<Tensor, Tensor> { List<object> l = new(); public Net() : base(\"n\") { l.Add(l); RegisterComponents(); } public override Tensor forward(Tensor x) => x; }")]
    [InlineData("class Net<T> : Module<Tensor, Tensor> where T : Module<Tensor, Tensor>, new() { T inner = new(); public Net() : base(\"n\") { RegisterComponents(); } public override Tensor forward(Tensor x) => inner.forward(x); } class Use : Net<Net<Use>> { }")]
    [InlineData("abstract class Net : Module<Tensor, Tensor> { public Net() : base(\"n\") { Make(); } protected abstract void Make(); } class Real : Net { Linear l; protected override void Make() => l = Linear(1, 1); public override Tensor forward(Tensor x) => l.forward(x); }")]
    [InlineData("partial class Net : Module<Tensor, Tensor> { public Net() : base(\"n\") { Make(); RegisterComponents(); } partial void Make(); } partial class Net { Linear l; partial void Make() => l = Linear(1, 1); public override Tensor forward(Tensor x) => l.forward(x); }")]
    [InlineData("class Net : Module<Tensor, Tensor> { public Net() : base(\"n\") { } public override Tensor forward(Tensor x) { again: x = x.tanh(); if (x.shape[0] > 2) goto again; return x; } }")]
    [InlineData("class Net : Module<Tensor, Tensor> { public Net() : base(\"n\") { } public override Tensor forward(Tensor x) { Func<Tensor, Tensor> f = null!; f = v => f(v); return f(x); } }")]
    [InlineData("class Net : Module<Tensor, Tensor> { public Net() : base(\"n\") { } public override Tensor forward(Tensor x) { dynamic d = this; return d.Other(x); } }")]
    [InlineData("class Net : Module<Tensor, Tensor> { public Net() : base(\"n\") { } public override unsafe Tensor forward(Tensor x) { int n = 1; int* p = &n; return x + *p; } }")]
    public void ReadingEnds(string source) => Assert.NotEmpty(Graphs(source));

    [Theory]
    [InlineData("class Net : Module<Tensor, Tensor> { Linear l = Linear(1, ); public Net() : base(\"n\") { } public override Tensor forward(Tensor x) => l.forward(x) }")]
    [InlineData("class Net : Module<Tensor, Tensor> { public Net( : base(\"n\") { l = Lin } public override Tensor forward(Tensor x) => }")]
    [InlineData("class Net : Net { public Net() { } }")]
    [InlineData("class A : B { } class B : A { } class Net : Module<Tensor, Tensor> { A a = new(); public override Tensor forward(Tensor x) => a.forward(x); }")]
    [InlineData("class Net : Module<Tensor, Tensor> { Missing m = new Missing(3); Linear l = Linear(\"a\", missing); public Net() : base(\"n\") { m.Add(l); foreach (var q in m) l = q; } public override Tensor forward(Tensor x) { var (a, b) = m; return l.forward(a)[b]; } }")]
    [InlineData("class Net : Module<Tensor, Tensor> { public Net() : base(\"n\") { this[3] = 4; int x = x + 1; } public override Tensor forward(Tensor x, int y) { return; } }")]
    [InlineData("class Net : Module<Tensor, Tensor> { public Net(int a, int a) : this(a) { } Net(int b) : this(b, b) { } public override Tensor forward(Tensor x) => x switch { }; }")]
    [InlineData("var m = Sequential(Linear(1, 2), Sequential(; var n = new Net(")]
    [InlineData("class Net : Module<Tensor, Tensor> { public Net() : base(\"n\") => RegisterComponents() public override Tensor forward(Tensor x) { if (x is { Length: > 3 and < } y) return y; for (;;")]
    public void BrokenCodeIsReadAsFarAsItGoes(string source) =>
        Assert.Null(Record.Exception(() => Graphs(Compile(source, allowErrors: true))));

    [Fact]
    public void ALongChainIsReadWithoutDeepRecursion()
    {
        var source = new StringBuilder("class Net : Module<Tensor, Tensor> { public Net() : base(\"n\") { } public override Tensor forward(Tensor x) => x");
        for (var term = 0; term < 3000; term++)
            source.Append(" + x");
        source.Append("; }");

        // The compiler needs room for it; the reading does not.
        var graph = Graphs(Compile(source.ToString(), allowErrors: true)).Single();

        Assert.True(graph.Nodes.Length > 1000);
    }

    [Fact]
    public void DeepNestingIsOpaqueInsteadOfAStackOverflow()
    {
        var source = new StringBuilder("class Net : Module<Tensor, Tensor> { public Net() : base(\"n\") { } public override Tensor forward(Tensor x) => ");
        source.Insert(source.Length, "torch.tanh(", 150).Append('x').Append(')', 150).Append("; }");

        Assert.Equal(151, Graphs(source.ToString()).Single().Nodes.Length);
    }

    [Fact]
    public void AModelOfOneThousandLayersIsRead()
    {
        var graph = Graph(Net("""
            private readonly Sequential body;
            public Net() : base("net")
            {
                var layers = new List<Module<Tensor, Tensor>>();
                for (var i = 0; i < 1000; i++) layers.Add(Linear(8, 8));
                body = Sequential(layers);
                RegisterComponents();
            }
            public override Tensor forward(Tensor x) => body.forward(x);
            """));

        Assert.True(graph.IsComplete);
        Assert.Equal(1001, graph.Nodes.Length);
    }

    [Fact]
    public void AModelThatIsTooLargeSaysSo()
    {
        var graph = Graph(Net("""
            public Net() : base("net") { }
            public override Tensor forward(Tensor x) { for (int i = 0; i < 100; i++) for (int j = 0; j < 100; j++) x = x.tanh(); return x; }
            """));

        Assert.False(graph.IsComplete);
        Assert.Contains("larger", graph.Obstacle);
    }
}
