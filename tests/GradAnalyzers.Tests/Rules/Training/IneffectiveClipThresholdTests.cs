using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Training.IneffectiveClipThreshold, GradAnalyzers.CodeFixes.IneffectiveClipThresholdFixer>;

namespace GradAnalyzers.Tests.Rules.Training;

public sealed class IneffectiveClipThresholdTests
{
    /// <summary>A round of a loop, with a model and its optimizer, that clips.</summary>
    private static string Loop(string clip) => Code.InMethod($$"""
        var model = new CharRnn();
        var optimizer = torch.optim.Adam(model.parameters());
        foreach (var (input, target) in batches)
        {
            optimizer.zero_grad();
            functional.mse_loss(model.forward(input), target).backward();
            {{clip}}
            optimizer.step();
        }
        """);

    [Theory]
    [InlineData("torch.nn.utils.clip_grad_norm_(model.parameters(), 1e9)", "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)")]
    [InlineData("torch.nn.utils.clip_grad_norm_(model.parameters(), /* none */ 0)", "torch.nn.utils.clip_grad_norm_(model.parameters(), /* none */ 1.0)")]
    [InlineData("torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm: -1.0, norm_type: 2)", "torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm: 1.0, norm_type: 2)")]
    [InlineData("nn.utils.clip_grad_value_(model.parameters(), double.PositiveInfinity)", "nn.utils.clip_grad_value_(model.parameters(), 1.0)")]
    [InlineData("torch.nn.utils.clip_grad_norm_(max_norm: double.NaN, tensors: model.parameters())", "torch.nn.utils.clip_grad_norm_(max_norm: 1.0, tensors: model.parameters())")]
    [InlineData("torch.nn.utils.clip_grad_value_(model.parameters(), float.MaxValue)", "torch.nn.utils.clip_grad_value_(model.parameters(), 1.0)")]
    [InlineData("torch.nn.utils.clip_grad_norm_(model.parameters(), 10000)", "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)")]
    [InlineData("torch.nn.utils.clip_grad_norm_(model.parameters(), 1_000 * 1_000)", "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)")]
    public Task TheThresholdBecomesOne(string clip, string better) => Verify.Fixes(Loop($"[|{clip}|];"), Loop($"{better};"));

    [Fact]
    public Task SeveralAreFixedAtOnce() => Verify.Fixes(
        Loop("[|torch.nn.utils.clip_grad_norm_(model.parameters(), 0)|]; [|torch.nn.utils.clip_grad_value_(model.parameters(), 1e20)|];"),
        Loop("torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); torch.nn.utils.clip_grad_value_(model.parameters(), 1.0);"));

    [Fact]
    public Task AHelperThatClipsIsReported() => Verify.Reports(
        """
        public static class Gradients
        {
            public static void Limit(Module model) => [|torch.nn.utils.clip_grad_norm_(model.parameters(), 0)|];
        }
        """);

    [Fact]
    public Task AThresholdThatIsAConstantIsReported() => Verify.Reports(
        """
        public sealed class Trainer(CharRnn model, torch.optim.Optimizer optimizer)
        {
            private const double MaximumNorm = 1e6;

            public void Step(Tensor x)
            {
                optimizer.zero_grad();
                model.forward(x).sum().backward();
                [|torch.nn.utils.clip_grad_norm_(model.parameters(), MaximumNorm)|];
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task AnLbfgsClosureIsReported() => Verify.Reports(Code.InMethod("""
        var model = new CharRnn();
        var optimizer = torch.optim.LBFGS(model.parameters());
        optimizer.step(() =>
        {
            optimizer.zero_grad();
            var loss = functional.mse_loss(model.forward(x), y);
            loss.backward();
            [|torch.nn.utils.clip_grad_norm_(model.parameters(), 0.0)|];
            return loss;
        });
        """));

    [Fact]
    public Task ATopLevelProgramIsReported() => Verify.Reports(
        """
        var model = new CharRnn();
        var optimizer = torch.optim.Adam(model.parameters());
        model.forward(torch.rand(1, 4, 16)).sum().backward();
        [|torch.nn.utils.clip_grad_norm_(model.parameters(), -5)|];
        optimizer.step();
        """, isProgram: true);

    [Fact]
    public Task AMeasurementThatDestroysIsReported() => Verify.Reports(Loop("var norm = [|torch.nn.utils.clip_grad_norm_(model.parameters(), 0)|];"));

    [Theory]
    [InlineData("The clipping threshold 0 sets every gradient to zero; 1.0 is a usual start", "torch.nn.utils.clip_grad_norm_(model.parameters(), 0);")]
    [InlineData("The clipping threshold -1 turns every gradient around; 1.0 is a usual start", "torch.nn.utils.clip_grad_norm_(model.parameters(), -1);")]
    [InlineData("The clipping threshold -1 sets every gradient to the same negative value; 1.0 is a usual start", "torch.nn.utils.clip_grad_value_(model.parameters(), -1);")]
    [InlineData("The clipping threshold 1e9 is too large to act; 1.0 is a usual start", "torch.nn.utils.clip_grad_norm_(model.parameters(), 1e9);")]
    public async Task TheMessageSaysWhatItDoes(string message, string clip) => Assert.Equal(["GRAD2006: " + message], await TrainingRules.Messages(Loop(clip)));

    [Theory]
    [InlineData("torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);")]
    [InlineData("torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1);")]
    [InlineData("torch.nn.utils.clip_grad_norm_(model.parameters(), 5);")]
    [InlineData("torch.nn.utils.clip_grad_norm_(model.parameters(), 100, norm_type: double.PositiveInfinity);")]
    [InlineData("torch.nn.utils.clip_grad_norm_(model.parameters(), 1000);")]
    [InlineData("torch.nn.utils.clip_grad_value_(model.parameters(), 0.5);")]
    [InlineData("torch.nn.utils.clip_grad_value_(model.parameters(), 1e-3);")]
    [InlineData("torch.nn.utils.clip_grad_norm_(model.parameters(), x.item<double>());")]
    [InlineData("var norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1e9);")]
    [InlineData("Console.WriteLine(torch.nn.utils.clip_grad_norm_(model.parameters(), double.PositiveInfinity));")]
    [InlineData("if (torch.nn.utils.clip_grad_norm_(model.parameters(), double.MaxValue) > 100) continue;")]
    [InlineData("double norm; norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1e12);")]
    public Task AUsefulLimitOrAMeasurementIsFine(string clip) => TrainingRules.AreSilent(Loop(clip));

    [Theory]
    [InlineData("public static double Norm(Module model) => torch.nn.utils.clip_grad_norm_(model.parameters(), 1e9);")]
    [InlineData("public static double Norm(Module model) { return torch.nn.utils.clip_grad_norm_(model.parameters(), double.PositiveInfinity); }")]
    [InlineData("public static void Limit(Module model, double maximum) => torch.nn.utils.clip_grad_norm_(model.parameters(), maximum);")]
    [InlineData("public static void Limit(Module model, double maximum = 0) { if (maximum > 0) torch.nn.utils.clip_grad_norm_(model.parameters(), maximum); }")]
    [InlineData("public static Tensor Bound(Tensor ratio) => torch.clamp(ratio, -1e9, 1e9);")]
    public Task AHelperThatMeasuresOrIsToldTheLimitIsFine(string method) => TrainingRules.AreSilent($"public static class Gradients {{ {method} }}");
}
