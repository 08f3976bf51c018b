using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Flow.InitializationNeverApplied, GradAnalyzers.CodeFixes.InitializationNeverAppliedFixer>;

namespace GradAnalyzers.Tests.Rules.Flow;

public sealed class InitializationNeverAppliedTests
{
    [Fact]
    public Task AppliedBeforeRegistrationItIsMovedWithItsComment() => Verify.Fixes(
        Net("""
                // start small
                [|apply(Start)|]; // all layers
                RegisterComponents();
            """),
        Net("""
                RegisterComponents();
                // start small
                apply(Start); // all layers
            """), models: Training.Models);

    [Fact]
    public Task AppliedAfterRegistrationIsFine() => Verify.IsSilent(
        Net("""
                RegisterComponents();
                apply(Start);
            """), models: Training.Models);

    [Fact]
    public Task OnASequentialItReachesTheElementsAtOnce() => Verify.IsSilent(
        Net("""
                layers.apply(Start);
                RegisterComponents();
            """), models: Training.Models);

    private static string Net(string body) => $$"""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Sequential layers = Sequential(Linear(16, 64), ReLU(), Linear(64, 10));

            public Net() : base(nameof(Net))
            {
            {{body.Replace("\n", "\n    ")}}
            }

            private static void Start(Module module)
            {
                if (module is Linear linear)
                    init.kaiming_normal_(linear.weight);
            }

            public override Tensor forward(Tensor x) => layers.call(x);
        }
        """;
}
