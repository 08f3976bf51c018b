using Xunit;

namespace GradAnalyzers.Tests.Rules.HeldOut.Loops;

/// <summary>GRAD2008: two modules that share a part.</summary>
public sealed class OverlapByParts
{
    private const string Heads = """
        public sealed class Head : Module<Tensor, Tensor>
        {
            private readonly Linear _out = Linear(16, 4);
            public Mlp Shared { get; }
            public Head(Mlp trunk) : base("Head")
            {
                Shared = trunk;
                RegisterComponents();
            }
            public override Tensor forward(Tensor x) => _out.call(Shared.call(x));
        }

        """;

    private static string Loop(string start, string loss, string step) => Heads + Code.InMethod($$"""
        {{start}}
        foreach (var (input, target) in batches)
        {
            optimizer.zero_grad();
            {{loss}}
            {{step}}
        }
        """);

    private const string Both = "(functional.mse_loss(a.call(input), target) + functional.mse_loss(b.call(input), target)).backward();";

    [Theory]
    [InlineData("var trunk = new Mlp(); var a = new Head(trunk); var b = new Head(trunk); var optimizer = torch.optim.Adam(a.parameters().Concat(b.parameters()));")]
    [InlineData("var a = new Head(new Mlp()); var b = new Head(a.Shared); var optimizer = torch.optim.SGD([.. a.parameters(), .. b.parameters()], 0.1);")]
    [InlineData("var trunk = new Mlp(); var a = new Head(trunk); var b = new Head(trunk); var all = new List<Parameter>(a.parameters()); all.AddRange(b.parameters()); var optimizer = torch.optim.Adam(all);")]
    [InlineData("var trunk = new Mlp(); var a = new Head(trunk); var b = new Mlp(); var optimizer = torch.optim.Adam(a.parameters().Concat(b.parameters()).Concat(trunk.parameters()));")]
    [InlineData("var a = new Head(new Mlp()); var b = new Mlp(); var optimizer = torch.optim.Adam(a.parameters().Concat(b.parameters()).Concat(a.Shared.parameters()));")]
    [InlineData("var a = new Mlp(); var b = new Mlp(); var all = new List<Parameter>(); all.AddRange(a.parameters()); all.AddRange(b.parameters()); all.AddRange(a.parameters()); var optimizer = torch.optim.Adam(all);")]
    public Task ASharedPartIsReported(string start) => TrainingRules.Report("GRAD2008", Loop(start, Both, "[|optimizer.step()|];"));

    [Theory]
    [InlineData("var a = new Head(new Mlp()); var b = new Head(new Mlp()); var optimizer = torch.optim.Adam(a.parameters().Concat(b.parameters()));")]
    [InlineData("var trunk = new Mlp(); var a = new Head(trunk); var b = new Head(trunk); var optimizer = torch.optim.Adam(a.parameters().Concat(b.parameters()).Distinct());")]
    [InlineData("var trunk = new Mlp(); var a = new Head(trunk); var b = new Head(trunk); var optimizer = torch.optim.Adam(a.parameters().Union(b.parameters()));")]
    [InlineData("var a = new Mlp(); var b = new Mlp(); var all = new List<Parameter>(); all.AddRange(a.parameters()); all.AddRange(b.parameters()); var optimizer = torch.optim.Adam(all);")]
    [InlineData("var a = new Mlp(); var b = new Mlp(); var all = new HashSet<Parameter>(); all.UnionWith(a.parameters()); all.UnionWith(b.parameters()); all.UnionWith(a.parameters()); var optimizer = torch.optim.Adam(all);")]
    [InlineData("var a = new Mlp(); var b = new Mlp(); var all = new List<Parameter>(); all.AddRange(a.parameters()); all.Clear(); all.AddRange(a.parameters()); all.AddRange(b.parameters()); var optimizer = torch.optim.Adam(all);")]
    public Task PartsOfTheirOwnAreFine(string start) => TrainingRules.AreSilent(Loop(start, Both, "optimizer.step();"));

    [Fact]
    public Task AModuleThatOnlyUsesThePartAndDoesNotKeepItIsFine() => TrainingRules.AreSilent("""
        public sealed class Copy : Module<Tensor, Tensor>
        {
            private readonly Linear _out;
            public Copy(Linear like) : base("Copy")
            {
                _out = Linear(like.in_features, like.out_features);
                RegisterComponents();
            }
            public override Tensor forward(Tensor x) => _out.call(x);
        }

        public static class Program
        {
            public static void Run(Tensor x)
            {
                var first = nn.Linear(16, 16);
                var second = new Copy(first);
                var optimizer = torch.optim.Adam(first.parameters().Concat(second.parameters()));
                optimizer.zero_grad();
                second.call(first.call(x)).sum().backward();
                optimizer.step();
            }
        }
        """);
}
