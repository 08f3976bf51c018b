using Xunit;
using Singular = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.GradientPath.SingularGradient, GradAnalyzers.CodeFixes.SingularGradientFixer>;

namespace GradAnalyzers.Tests.Rules.GradientPath;

/// <summary>GRAD4005.</summary>
public sealed class SingularGradientTests
{
    private static string Round(string statements) => Code.InMethod($$"""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        foreach (var (input, target) in batches)
        {
            optimizer.zero_grad();
            {{statements.ReplaceLineEndings("\n    ")}}
            optimizer.step();
        }
        """);

    [Theory]
    [InlineData("var loss = [|(model.forward(input) - target).pow(2).sum(1).sqrt()|].mean();", "var loss = ((model.forward(input) - target).pow(2).sum(1) + 1e-8).sqrt().mean();")]
    [InlineData("var loss = [|torch.sqrt(functional.mse_loss(model.forward(input), target))|];", "var loss = torch.sqrt(functional.mse_loss(model.forward(input), target) + 1e-8);")]
    [InlineData("var d = model.forward(input) - target; var loss = [|(d * d).sqrt()|].mean();", "var d = model.forward(input) - target; var loss = (d * d + 1e-8).sqrt().mean();")]
    [InlineData("var d = (model.forward(input) - target).square().sum();\nvar loss = [|d.sqrt()|]; // RMSE", "var d = (model.forward(input) - target).square().sum();\nvar loss = (d + 1e-8).sqrt(); // RMSE")]
    [InlineData("var loss = [|torch.pow(model.forward(input).abs(), 0.5)|].mean();", "var loss = torch.pow(model.forward(input).abs() + 1e-8, 0.5).mean();")]
    [InlineData("var loss = [|(model.forward(input) - target).abs().log()|].mean();", "var loss = ((model.forward(input) - target).abs() + 1e-8).log().mean();")]
    [InlineData("var p = model.forward(input); var loss = ((p - p.mean()) / ([|p.var(false).sqrt()|] + 1e-5)).mean();", "var p = model.forward(input); var loss = ((p - p.mean()) / ((p.var(false) + 1e-8).sqrt() + 1e-5)).mean();")]
    [InlineData("var loss = [|torch.acos(functional.cosine_similarity(model.forward(input), target))|].mean();", "var loss = torch.acos(functional.cosine_similarity(model.forward(input), target).clamp(-0.9999998, 0.9999998)).mean();")]
    [InlineData("var p = model.forward(input); var loss = [|((p * p).sum() / 4).rsqrt()|];", "var p = model.forward(input); var loss = ((p * p).sum() / 4 + 1e-8).rsqrt();")]
    [InlineData("var p = model.forward(input); var loss = [|(p.square().sum() + 1 - 2 * p.sum()).clamp(min: 0).sqrt()|];", "var p = model.forward(input); var loss = ((p.square().sum() + 1 - 2 * p.sum()).clamp(min: 0) + 1e-8).sqrt();")]
    public Task TheOperandIsKeptFromThePoint(string statement, string expected) => Singular.Fixes(Round(statement + "\nloss.backward();"), Round(expected + "\nloss.backward();"));

    [Fact]
    public Task InAHelperThatALoopCallsItIsReportedOnce() => Singular.Fixes(Helper("[|torch.sqrt(torch.square(a - b).sum(1))|]"), Helper("torch.sqrt(torch.square(a - b).sum(1) + 1e-8)"));

    private static string Helper(string value) => $$"""
        public static class Distances
        {
            public static Tensor Between(Tensor a, Tensor b) => {{value}};
        }

        public sealed class Trainer(Mlp model, optim.Optimizer optimizer)
        {
            public void One(Tensor x, Tensor y)
            {
                optimizer.zero_grad();
                Distances.Between(model.forward(x), y).mean().backward();
                optimizer.step();
            }

            public void Two(Tensor x, Tensor y)
            {
                optimizer.zero_grad();
                var loss = Distances.Between(model.forward(x), model.forward(y)).mean();
                loss.backward();
                optimizer.step();
            }

            public static Tensor Shown(Tensor x, Tensor y) => (x - y).pow(2).sum().sqrt();
        }
        """;

    [Theory]
    [InlineData("var loss = (model.forward(input) - target).norm();")]
    [InlineData("var loss = torch.cdist(model.forward(input), target).mean() + model.forward(input).std();")]
    [InlineData("var loss = functional.relu(model.forward(input)).sum().sqrt();")]
    [InlineData("var loss = ((model.forward(input) - target).pow(2).sum() + 1e-12).sqrt();")]
    [InlineData("var loss = (model.forward(input) - target).pow(2).sum().clamp_min(1e-12).sqrt();")]
    [InlineData("var d = (model.forward(input) - target).pow(2).sum(); d.add_(1e-12); var loss = d.sqrt();")]
    [InlineData("var d = (model.forward(input) - target).pow(2).sum(); var loss = d; if (d.item<float>() > 0) loss = d.sqrt();")]
    [InlineData("var d = (input - target).pow(2).sum(1).sqrt(); var loss = (model.forward(input).mean(new long[] { 1 }) * d).mean();")]
    [InlineData("var d = (model.forward(input) - target).detach().pow(2).sum().sqrt(); var loss = functional.mse_loss(model.forward(input), target) / d;")]
    [InlineData("var loss = functional.mse_loss(model.forward(input), target); var shown = loss.sqrt().item<float>();")]
    [InlineData("var loss = (model.forward(input) - target).pow(2).sum().pow(1.5);")]
    [InlineData("var loss = functional.cosine_similarity(model.forward(input), target).clamp(-0.999, 0.999).acos().mean();")]
    [InlineData("var loss = (functional.softplus(model.forward(input)).pow(2)).sum().sqrt();")]
    [InlineData("var loss = ((model.forward(input) - target).pow(2) + model.forward(input).exp()).sqrt().mean();")]
    public Task WhatIsGuardedOrHasADefinedSlopeIsFine(string statement) => Singular.IsSilent(Round(statement + "\nloss.backward();"));

    [Fact]
    public Task AModelOfDataFeaturesIsFine() => Singular.IsSilent("""
        public sealed class Features : Module<Tensor, Tensor>
        {
            private readonly Linear _out = Linear(16, 4);
            public Features() : base("Features") => RegisterComponents();
            public override Tensor forward(Tensor x) => _out.forward(x / x.pow(2).sum(1, true).sqrt());
            public static void Train(Features model, Tensor x, Tensor y) => functional.mse_loss(model.forward(x), y).backward();
        }
        """);

    [Fact]
    public Task AModulesConstantIsFine() => Singular.IsSilent("""
        public sealed class Spectrum : Module<Tensor, Tensor>
        {
            private readonly Tensor _window = torch.hann_window(16);
            public Spectrum() : base("Spectrum") => RegisterComponents();
            public override Tensor forward(Tensor x) => Scaled(x * _window, _window);
            private static Tensor Scaled(Tensor x, Tensor window) => x / window.pow(2).sum().sqrt();
            public static void Train(Spectrum spectrum, Mlp model, Tensor x, Tensor y) => functional.mse_loss(spectrum.forward(model.forward(x)), y).backward();
        }
        """);

    [Fact]
    public Task AProgramThatNeverTrainsLosesNoGradient() => Singular.IsSilent(Code.InMethod("(new Mlp().forward(x) - y).pow(2).sum().sqrt().print();"));
}
