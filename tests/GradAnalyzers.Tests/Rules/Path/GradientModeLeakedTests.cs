using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.GradientPath.GradientModeLeaked, GradAnalyzers.CodeFixes.GradientModeLeakedFixer>;

namespace GradAnalyzers.Tests.Rules.GradientPath;

public sealed class GradientModeLeakedTests
{
    [Theory]
    [InlineData("[|torch.no_grad()|]; // no gradients here", "using var _ = torch.no_grad(); // no gradients here")]
    [InlineData("_ = [|torch.no_grad()|];", "using var _ = torch.no_grad();")]
    [InlineData("[|inference_mode()|];", "using var _ = inference_mode();")]
    [InlineData("[|inference_mode(true)|];", "using var _ = inference_mode(true);")]
    [InlineData("var off = [|no_grad()|];", "using var off = no_grad();")]
    [InlineData("IDisposable off = [|no_grad()|];", "using IDisposable off = no_grad();")]
    [InlineData("var off = x.dim() > 1 ? null : [|no_grad()|];", "using var off = x.dim() > 1 ? null : no_grad();")]
    [InlineData("[|enable_grad(false)|];", "using var _ = enable_grad(false);")]
    [InlineData("[|torch.set_grad_enabled(mode: false)|];", "using var _ = torch.set_grad_enabled(mode: false);")]
    [InlineData("[|torch.no_grad()|]; _ = x.sum();", "using var noGrad = torch.no_grad(); _ = x.sum();")]
    public Task TheScopeEndsWithItsBlock(string statement, string expected) => Verify.Fixes(Evaluation(statement), Evaluation(expected));

    private static string Evaluation(string statement) => $$"""
        public static class Program
        {
            public static Tensor Evaluate(Mlp model, Tensor x)
            {
                // evaluation
                {{statement}}
                return model.forward(x);
            }

            public static void Train(Mlp model, Tensor x) => model.forward(x).sum().backward();
        }
        """;

    [Fact]
    public Task SeveralAtOnceGetNamesOfTheirOwn() => Verify.Fixes(
        Code.InMethod("var model = new Mlp();\n[|torch.no_grad()|];\nmodel.forward(x);\n[|torch.no_grad()|];\nmodel.forward(y);"),
        Code.InMethod("var model = new Mlp();\nusing var _ = torch.no_grad();\nmodel.forward(x);\nusing var noGrad = torch.no_grad();\nmodel.forward(y);"));

    [Theory]
    [InlineData("if (x.dim() > 1) [|torch.no_grad()|];")]
    [InlineData("IDisposable off; off = [|torch.no_grad()|];")]
    [InlineData("Action probe = () => [|torch.no_grad()|]; probe();")]
    public Task WhereNoBlockWouldEndItItIsLeftToThePerson(string statement) => Verify.OffersNoFix(Code.InMethod(statement));

    [Theory]
    [InlineData("using var off = torch.no_grad();")]
    [InlineData("using (torch.no_grad()) x.sum();")]
    [InlineData("using var off = x.dim() > 1 ? null : torch.no_grad();")]
    [InlineData("var off = torch.no_grad(); x.sum(); off.Dispose();")]
    [InlineData("var off = torch.no_grad(); using (off) x.sum();")]
    [InlineData("IDisposable off = null; if (x.dim() > 1) off = torch.no_grad(); off?.Dispose();")]
    [InlineData("inference_mode(false);")]
    [InlineData("torch.set_grad_enabled(x.dim() > 1);")]
    [InlineData("torch.set_grad_enabled(false); x.sum(); torch.set_grad_enabled(true);")]
    [InlineData("torch.enable_grad();")]
    public Task WhatIsEndedOrMeantIsFine(string statement) => Verify.IsSilent(Code.InMethod(statement + "\nnew Mlp().forward(x).sum().backward();"));

    [Fact]
    public Task AtTheEndOfAProgramNothingIsToLearnAnyMore() => Verify.IsSilent("""
        var model = new Mlp();
        for (var i = 0; i < 3; i++)
            model.forward(randn(1, 16)).sum().backward();
        torch.set_grad_enabled(false);
        torch.no_grad();
        model.forward(randn(1, 16)).print();
        """, isProgram: true);

    [Fact]
    public Task BeforeTheProgramTrainsItIsALeak() => Verify.Reports("""
        [|torch.no_grad()|];
        Start.Train(new Mlp());

        public static class Start
        {
            public static void Train(Mlp model) => model.forward(randn(1, 16)).sum().backward();
        }
        """, isProgram: true);

    [Fact]
    public Task InAPropertyItIsFoundToo() => Verify.Reports("""
        public class Agent(Mlp model)
        {
            public Tensor Value { get { [|torch.no_grad()|]; return model.forward(zeros(1, 16)); } }
        }
        """);

    [Fact]
    public Task ALookAlikeIsNotTheLibrarys() => Verify.IsSilent("""
        public static class torch2 { public static IDisposable no_grad() => null; }
        public static class Program { public static void Run() => torch2.no_grad(); }
        """);
}
