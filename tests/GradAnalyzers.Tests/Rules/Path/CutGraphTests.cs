using Xunit;
using Graph = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.GradientPath.BackwardWithoutGraph, GradAnalyzers.CodeFixes.BackwardWithoutGraphFixer>;
using Logarithm = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Losses.LogarithmOfProbability, GradAnalyzers.CodeFixes.LogarithmOfProbabilityFixer>;
using Norm = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.GradientPath.NormOverDimension, GradAnalyzers.CodeFixes.NormOverDimensionFixer>;
using Step = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.GradientPath.NonDifferentiableStep, GradAnalyzers.CodeFixes.NonDifferentiableStepFixer>;

namespace GradAnalyzers.Tests.Rules.GradientPath;

/// <summary>GRAD3003, GRAD4003, GRAD4004, GRAD4006.</summary>
public sealed class CutGraphTests
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
    [InlineData("var output = [|model.forward(input).detach()|];", "var output = model.forward(input);")]
    [InlineData("var output = [|model.forward(input).detach_()|];", "var output = model.forward(input);")]
    [InlineData("var output = model.forward(input); output = [|output.detach()|] * 2;", "var output = model.forward(input); output = output * 2;")]
    public Task ADetachOnTheOnlyWayGoes(string statement, string expected) => Step.Fixes(
        Round(statement + "\nvar loss = functional.mse_loss(output, target);\nloss.backward();"),
        Round(expected + "\nvar loss = functional.mse_loss(output, target);\nloss.backward();"));

    /// <summary>Numbers carry no gradient, whatever code computed them: a teacher, a file, a table.</summary>
    [Theory]
    [InlineData("var soft = torch.tensor(teacher.Run(input).Data); var loss = (soft * [|model.forward(input).detach()|]).sum();")]
    [InlineData("var weight = teacher.Weight(step); var loss = functional.mse_loss([|model.forward(input).detach()|], target) * weight;")]
    [InlineData("var soft = torch.tensor(teacher.Table[step], dtype: float32).reshape(4, 16); var loss = (soft - [|model.forward(input).detach()|]).abs().mean();")]
    public Task NumbersFromElsewhereAreNoWay(string statements) => TrainingRules.Report("GRAD4004", Taught(statements + "\nloss.backward();"));

    [Theory]
    [InlineData("var soft = torch.tensor(teacher.Run(input).Data); var loss = (soft * model.forward(input)).sum();")]
    [InlineData("var loss = functional.mse_loss(model.forward(input).detach(), target) + teacher.Penalty(model);")]
    [InlineData("var soft = teacher.Soft(model, input); var loss = (soft - model.forward(input).detach()).abs().mean();")]
    public Task TensorsFromElsewhereMayBeOne(string statements) => TrainingRules.AreSilent(Taught(statements + "\nloss.backward();"));

    private static string Taught(string statements) => $$"""
        public interface ITeacher
        {
            (float[] Data, long Steps) Run(Tensor input);
            float Weight(int step);
            float[][] Table { get; }
            Tensor Penalty(Module<Tensor, Tensor> model);
            Tensor Soft(Module<Tensor, Tensor> model, Tensor input);
        }

        public static class Distillation
        {
            public static void Train(ITeacher teacher, (Tensor X, Tensor Y)[] batches)
            {
                var model = new Mlp();
                var optimizer = torch.optim.Adam(model.parameters());
                var step = 0;
                foreach (var (input, target) in batches)
                {
                    optimizer.zero_grad();
                    {{statements.ReplaceLineEndings("\n            ")}}
                    optimizer.step();
                    step++;
                }
            }
        }
        """;

    [Theory]
    [InlineData("var loss = functional.mse_loss([|model.forward(input).argmax(1)|].to_type(float32), target);")]
    [InlineData("var loss = functional.mse_loss([|torch.round(model.forward(input))|], target);")]
    [InlineData("var loss = functional.mse_loss([|model.forward(input).floor()|], target);")]
    [InlineData("var loss = torch.tensor([|functional.mse_loss(model.forward(input), target).item<float>()|]);")]
    [InlineData("var loss = torch.tensor([|model.forward(input).mean().ToSingle()|], requires_grad: true);")]
    [InlineData("var loss = ([|model.forward(input) > 0|]).to_type(float32).mean();")]
    [InlineData("var loss = MSELoss().forward([|model.forward(input).multinomial(1)|].to_type(float32), target);")]
    [InlineData("var one = model.forward(input).argmax(1); var loss = [|functional.one_hot(one, 16)|].to_type(float32).sub(target).abs().mean();")]
    public Task WhatAChoiceShouldHaveBeenAPersonMustSay(string statement) =>
        Step.OffersNoFix(Round(statement + "\nloss.backward();"));

    [Theory]
    [InlineData("var loss = functional.mse_loss(model.forward(input.detach()), target);")]
    [InlineData("var loss = functional.mse_loss(model.forward(input), model.forward(target).detach());")]
    [InlineData("var output = model.forward(input); var loss = functional.mse_loss(output, target) + output.detach().mean();")]
    [InlineData("var output = model.forward(input); var loss = (output * output.argmax(1).to_type(float32)).mean();")]
    [InlineData("var loss = functional.mse_loss(x, model.forward(input).detach());")]
    [InlineData("var weight = new Parameter(torch.rand(16)); var loss = (model.forward(input).detach() * weight).mean();")]
    [InlineData("var noise = torch.randn(16, requires_grad: true); var loss = (model.forward(input).detach() * noise).mean();")]
    public Task WhereSomethingElseLeadsOnItIsFine(string statement) => Step.IsSilent(Round(statement + "\nloss.backward();"));

    [Fact]
    public Task TheMessageSaysThatRequiresGradHidesIt() => Message(Round("var loss = functional.mse_loss(model.forward(input).detach(), target);\nloss.requires_grad = true;\nloss.backward();"),
        "GRAD4004: No gradient comes through 'model.forward(input).detach()', and no other way leads from the loss to 'model', which learns nothing (requires_grad hides it)");

    [Fact]
    public Task OneCauseIsReportedOnce() => Message(Round("using var off = torch.no_grad();\nvar loss = functional.mse_loss(model.forward(input).detach(), target);\nloss.backward();"),
        "GRAD4003: 'functional.mse_los….detach(), target)' is computed under 'torch.no_grad()': no gradient reaches the model, which learns nothing. End the scope before the loss.");

    private static async Task Message(string code, string expected) => Assert.Equal([expected], await TrainingRules.Messages(code));

    [Fact]
    public Task TheScopeGoesWithItsDeclaration() => Graph.Fixes(
        Round("using var off = torch.no_grad();\nvar loss = functional.mse_loss(model.forward(input), target);\n[|loss.backward()|];"),
        Round("var loss = functional.mse_loss(model.forward(input), target);\nloss.backward();"));

    [Fact]
    public Task TheScopeGoesAndItsContentStays() => Graph.Fixes(
        Round("Tensor loss;\nusing (torch.no_grad())\n{\n    // the whole batch\n    var output = model.forward(input);\n    loss = functional.mse_loss(output, target);\n}\n\n[|loss.backward()|];"),
        Round("Tensor loss;\n// the whole batch\nvar output = model.forward(input);\nloss = functional.mse_loss(output, target);\n\nloss.backward();"));

    [Fact]
    public Task AScopeAroundTheCallIsFoundToo() => Graph.OffersNoFix("""
        public sealed class Trainer(Mlp model, optim.Optimizer optimizer)
        {
            public void Run(Tensor[] data)
            {
                using (torch.no_grad())
                {
                    foreach (var item in data)
                        [|Learn(item)|];
                }
            }

            private void Learn(Tensor input)
            {
                optimizer.zero_grad();
                var loss = model.forward(input).mean();
                loss.requires_grad = true;
                loss.backward();
                optimizer.step();
            }
        }
        """);

    [Theory]
    [InlineData("Tensor goal; using (torch.no_grad()) goal = model.forward(target); functional.mse_loss(model.forward(input), goal).backward();")]
    [InlineData("using (torch.no_grad()) { model.forward(input).print(); } functional.mse_loss(model.forward(input), target).backward();")]
    [InlineData("using (torch.set_grad_enabled(model.training)) functional.mse_loss(model.forward(input), target).backward();")]
    [InlineData("using (torch.no_grad()) { using (torch.enable_grad()) { functional.mse_loss(model.forward(input), target).backward(); } }")]
    [InlineData("using var off = model.training ? null : torch.no_grad(); var loss = functional.mse_loss(model.forward(input), target); if (model.training) loss.backward();")]
    [InlineData("var off = torch.no_grad(); var goal = model.forward(target); off.Dispose(); functional.mse_loss(model.forward(input), goal).backward();")]
    [InlineData("using var off = torch.no_grad(); var goal = model.forward(target); off.Dispose(); functional.mse_loss(model.forward(input), goal).backward();")]
    [InlineData("using (torch.inference_mode(false)) functional.mse_loss(model.forward(input), target).backward();")]
    [InlineData("using (torch.inference_mode(!model.training)) functional.mse_loss(model.forward(input), target).backward();")]
    public Task GradientsThatAreRecordedAreFine(string statements) => Graph.IsSilent(Round(statements));

    [Theory]
    [InlineData("var loss = -(target * [|torch.log(functional.softmax(model.forward(input), 1))|]).mean();", "var loss = -(target * functional.log_softmax(model.forward(input), 1)).mean();")]
    [InlineData("var loss = -(target * [|model.forward(input).softmax(1).log()|]).mean();", "var loss = -(target * model.forward(input).log_softmax(1)).mean();")]
    [InlineData("var loss = -(target * [|torch.softmax(model.forward(input), 1).log()|]).mean();", "var loss = -(target * functional.log_softmax(model.forward(input), 1)).mean();")]
    [InlineData("var loss = -[|torch.sigmoid(model.forward(input)).log()|].mean();", "var loss = -functional.logsigmoid(model.forward(input)).mean();")]
    [InlineData("var loss = -[|model.forward(input).sigmoid().log()|].mean();", "var loss = -functional.logsigmoid(model.forward(input)).mean();")]
    [InlineData("var chances = functional.softmax(model.forward(input), dim: 1);\nvar loss = functional.nll_loss([|chances.log()|], target);", "var chances = functional.log_softmax(model.forward(input), dim: 1);\nvar loss = functional.nll_loss(chances, target);")]
    public Task BothAreComputedInOne(string statement, string expected) => Logarithm.Fixes(Round(statement + "\nloss.backward();"), Round(expected + "\nloss.backward();"));

    [Theory]
    [InlineData("var chances = torch.softmax(model.forward(input), 1); var loss = -(chances * [|chances.log()|]).sum();")]
    [InlineData("var chances = model.forward(input).sigmoid(); var loss = -(target * [|chances.log()|] + (1 - target) * [|torch.log(1 - chances)|]).mean();")]
    public Task WhereTheProbabilityIsReadTooItIsLeftToThePerson(string statement) => Logarithm.OffersNoFix(Round(statement + "\nloss.backward();"));

    [Fact]
    public Task InAModelTheSameIsReported() => Logarithm.Fixes(
        Head("[|torch.log(functional.softmax(_out.forward(x), 1))|]"), Head("functional.log_softmax(_out.forward(x), 1)"));

    private static string Head(string value) => $$"""
        public sealed class Head : Module<Tensor, Tensor>
        {
            private readonly Linear _out = Linear(16, 4);
            public Head() : base("Head") => RegisterComponents();
            public override Tensor forward(Tensor x) => {{value}};
            public static void Train(Head model, Tensor x, Tensor y) => functional.nll_loss(model.forward(x), y).backward();
        }
        """;

    [Theory]
    [InlineData("var loss = -(torch.softmax(model.forward(input), 1) + 1e-9).log().mean();")]
    [InlineData("var loss = -torch.softmax(model.forward(input), 1).clamp_min(1e-9).log().mean();")]
    [InlineData("var loss = model.forward(input).abs().log().mean();")]
    [InlineData("var loss = functional.log_softmax(model.forward(input), 1).mean(); using (torch.no_grad()) torch.softmax(model.forward(input), 1).log().print();")]
    public Task WhatIsGuardedOrOnlyLookedAtIsFine(string statement) => Logarithm.IsSilent(Round(statement + "\nloss.backward();"));

    [Fact]
    public Task AProgramThatNeverTrainsLosesNoGradient() => Logarithm.IsSilent(Code.InMethod("torch.softmax(new Mlp().forward(x), 1).log().print();"));

    [Theory]
    [InlineData("foreach (var p in model.parameters()) total += [|p.norm(2)|].item<float>();", "foreach (var p in model.parameters()) total += p.norm(2f).item<float>();")]
    [InlineData("foreach (var p in model.parameters()) total += [|p.grad!.norm(2)|].pow(2).ToSingle();", "foreach (var p in model.parameters()) total += p.grad!.norm(2f).pow(2).ToSingle();")]
    [InlineData("total += [|torch.norm(x, 2)|].item<float>();", "total += torch.norm(x, 2f).item<float>();")]
    [InlineData("total += (float)[|x.norm(2)|].ToDouble();", "total += (float)x.norm(2f).ToDouble();")]
    public Task TheNormIsAskedForByAFloat(string statement, string expected) => Norm.Fixes(Code.InMethod("var model = new Mlp(); var total = 0f;\n" + statement), Code.InMethod("var model = new Mlp(); var total = 0f;\n" + expected));

    [Theory]
    [InlineData("var rows = x.norm(2); rows.print();")]
    [InlineData("var rows = x.norm(dim: 2).item<float>();")]
    [InlineData("var rows = x.norm(2, keepdim: true).item<float>();")]
    [InlineData("var rows = x.norm(1).item<float>();")]
    [InlineData("var all = x.norm(2f).item<float>() + x.norm().item<float>() + torch.norm(x, 2f).item<float>() + torch.norm(x).item<float>();")]
    public Task ADimensionThatMayBeMeantIsFine(string statement) => Norm.IsSilent(Code.InMethod(statement));
}
