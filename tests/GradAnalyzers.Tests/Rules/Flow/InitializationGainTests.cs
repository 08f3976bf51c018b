using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Flow.InitializationGain, GradAnalyzers.CodeFixes.InitializationGainFixer>;

namespace GradAnalyzers.Tests.Rules.Flow;

public sealed class InitializationGainTests
{
    [Theory]
    [InlineData("init.normal_(linear.weight, 0, 0.01)")]
    [InlineData("init.normal_(linear.weight)")]
    [InlineData("torch.nn.init.xavier_uniform_(linear.weight, gain: 4)")]
    [InlineData("torch.nn.init.orthogonal_(linear.weight, 0.1)")]
    public Task AnInitializerOfTheWrongGainIsReportedAtItsCall(string call) => Verify.Fixes(
        Net($"[|{call}|]"), Net("torch.nn.init.kaiming_normal_(linear.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU)"), models: Training.Models);

    [Theory]
    [InlineData("init.kaiming_uniform_(linear.weight)")]
    [InlineData("init.xavier_normal_(linear.weight, init.calculate_gain(init.NonlinearityType.ReLU))")]
    public Task AFittingInitializerIsFine(string call) => Verify.IsSilent(Net(call), models: Training.Models);

    private static string Net(string call) => $$"""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Sequential layers;

            public Net() : base(nameof(Net))
            {
                var list = new List<Module<Tensor, Tensor>>();
                for (var i = 0; i < 16; i++)
                {
                    var linear = Linear(64, 64);
                    {{call}};
                    list.Add(linear);
                    list.Add(ReLU());
                }

                list.Add(Linear(64, 10));
                layers = Sequential(list);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => layers.call(x);
        }
        """;
}
