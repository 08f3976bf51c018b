using GradAnalyzers.Tests.Program;
using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Flow.IdenticalWeights, GradAnalyzers.CodeFixes.IdenticalWeightsFixer>;

namespace GradAnalyzers.Tests.Rules.Flow;

public sealed class IdenticalWeightsTests
{
    [Theory]
    [InlineData("init.zeros_(fc1.weight)")]
    [InlineData("init.ones_(fc1.weight)")]
    [InlineData("torch.nn.init.constant_(fc1.weight, 0.5)")]
    public Task AHiddenLayerOfEqualWeightsIsReported(string call) => Verify.Fixes(
        Net($"[|{call}|]"), Net("torch.nn.init.kaiming_normal_(fc1.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU)"), models: Training.Models);

    [Theory]
    [InlineData("init.trunc_normal_(fc1.weight, std: 0.02)", "init.normal_(fc1.weight, std: 0.02)")]
    [InlineData("init.trunc_normal_(fc2.weight)", "init.normal_(fc2.weight)")]
    [InlineData("torch.nn.init.trunc_normal_(fc1.weight, 0, 0.02, -0.04, 0.04)", "torch.nn.init.normal_(fc1.weight, 0, 0.02)")]
    public Task TheLibrarysTruncatedNormalIsReportedAnywhere(string call, string replacement) => Verify.Fixes(
        Net($"[|{call}|]"), Net(replacement), models: Training.Models);

    [Fact]
    public async Task ANumberIsShownAsItIsWritten() => Assert.Contains("start at 0.02, because", await Analyzed.Reports(
        Analyzed.Fresh([("Usings.cs", Code.Usings), ("Models.cs", Training.Models), ("Net.cs", Net("init.trunc_normal_(fc1.weight, std: 0.02f)"))]), [new GradAnalyzers.Rules.Flow.IdenticalWeights()], isConcurrent: false, TestContext.Current.CancellationToken));

    [Theory]
    [InlineData("init.zeros_(fc1.bias)")]
    [InlineData("init.ones_(norm.weight)")]
    [InlineData("init.zeros_(fc2.weight)")]
    [InlineData("init.normal_(fc1.weight)")]
    public Task BiasesNormalizationAndAHeadAtZeroAreFine(string call) => Verify.IsSilent(Net(call), models: Training.Models);

    [Fact]
    public Task AnAdapterAndAResidualBranchMayStartAtZero() => Verify.IsSilent(
        """
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Linear inner = Linear(16, 64);
            private readonly Linear outer = Linear(64, 16);
            private readonly Linear full = Linear(16, 16);
            private readonly Linear a = Linear(16, 4, false);
            private readonly Linear b = Linear(4, 16, false);
            private readonly Linear head = Linear(16, 2);

            public Net() : base(nameof(Net))
            {
                init.zeros_(outer.weight);
                init.zeros_(b.weight);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                x = x + outer.forward(functional.relu(inner.forward(x)));
                x = full.forward(x) + b.forward(a.forward(x)) * 0.5;
                return head.forward(x);
            }
        }
        """, models: Training.Models);

    [Fact]
    public Task AMeanThatIsNotKnownMayWellSpreadTheWeights() => Verify.IsSilent("""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Linear fc1 = Linear(16, 64);
            private readonly Linear fc2 = Linear(64, 4);

            public Net(double mean) : base(nameof(Net))
            {
                init.trunc_normal_(fc1.weight, mean, 0.02);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => fc2.forward(functional.relu(fc1.forward(x)));
        }
        """, models: Training.Models);

    [Fact]
    public Task AnInitializerFunctionIsReportedAtItsCall() => Verify.Fixes(
        Applied("if (module is Linear linear)\n        {\n            [|init.zeros_(linear.weight)|];\n            init.zeros_(linear.bias);\n        }"),
        Applied("if (module is Linear linear)\n        {\n            torch.nn.init.kaiming_normal_(linear.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);\n            init.zeros_(linear.bias);\n        }"),
        models: Training.Models);

    [Fact]
    public Task AModelThatIsNotPredictedIsFixedAllTheSame() => Verify.Fixes(
        Outputs("[|init.zeros_(fc1.weight)|]"), Outputs("torch.nn.init.kaiming_normal_(fc1.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU)"), models: Training.Models);

    private static string Outputs(string call) => $$"""
        public sealed class Net : Module<Tensor, (Tensor, Tensor)>
        {
            private readonly Linear fc1 = Linear(16, 64);
            private readonly Linear fc2 = Linear(64, 64);
            private readonly Linear policy = Linear(64, 4);
            private readonly Linear value = Linear(64, 1);

            public Net() : base(nameof(Net))
            {
                {{call}};
                RegisterComponents();
            }

            public override (Tensor, Tensor) forward(Tensor x)
            {
                x = functional.relu(fc2.forward(functional.relu(fc1.forward(x))));
                return (policy.forward(x), value.forward(x));
            }
        }
        """;

    private static string Net(string call) => $$"""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Linear fc1 = Linear(16, 64);
            private readonly BatchNorm1d norm = BatchNorm1d(64);
            private readonly Linear fc2 = Linear(64, 10);

            public Net() : base(nameof(Net))
            {
                {{call}};
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => fc2.forward(functional.relu(norm.forward(fc1.forward(x))));
        }
        """;

    private static string Applied(string body) => $$"""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Sequential layers = Sequential(Linear(16, 64), ReLU(), Linear(64, 64), ReLU(), Linear(64, 10));

            public Net() : base(nameof(Net))
            {
                RegisterComponents();
                apply(Start);
            }

            private static void Start(Module module)
            {
                {{body}}
            }

            public override Tensor forward(Tensor x) => layers.call(x);
        }
        """;
}
