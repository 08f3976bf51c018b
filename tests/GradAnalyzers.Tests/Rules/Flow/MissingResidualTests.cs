using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Flow.MissingResidual, GradAnalyzers.CodeFixes.MissingResidualFixer>;

namespace GradAnalyzers.Tests.Rules.Flow;

public sealed class MissingResidualTests
{
    [Fact]
    public Task ADeepNormalizedLoopExplodesAndIsWiredAsAResidual() => Verify.Fixes(
        Loop("[|Linear(64, 64)|]", "functional.relu(norms[i].call(layers[i].call(x)))"),
        Loop("Linear(64, 64)", "x + functional.relu(norms[i].call(layers[i].call(x)))"),
        models: Training.Models);

    [Fact]
    public Task ASequentialGetsResidualModules() => Verify.Fixes(
        Elements("[|Linear(64, 64)|], BatchNorm1d(64), ReLU()", "Linear(64, 64), BatchNorm1d(64), ReLU()", ""),
        Elements("new Residual(Linear(64, 64), BatchNorm1d(64), ReLU())", "new Residual(Linear(64, 64), BatchNorm1d(64), ReLU())",
            """


                private sealed class Residual : TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>
                {
                    private readonly TorchSharp.Modules.Sequential block;

                    public Residual(params TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>[] layers) : base(nameof(Residual))
                    {
                        block = TorchSharp.torch.nn.Sequential(layers);
                        RegisterComponents();
                    }

                    public override TorchSharp.torch.Tensor forward(TorchSharp.torch.Tensor input) => input + block.call(input);
                }
            """),
        models: Training.Models);

    [Fact]
    public Task ResidualBlocksAreFine() => Verify.IsSilent(Loop("Linear(64, 64)", "x + functional.relu(norms[i].call(layers[i].call(x)))"), models: Training.Models);

    [Fact]
    public Task AModerateNormalizedStackIsFine() => Verify.IsSilent(
        Loop("Linear(64, 64)", "functional.relu(norms[i].call(layers[i].call(x)))").Replace("depth = 40", "depth = 10"), models: Training.Models);

    private static string Loop(string creation, string step) => $$"""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Linear> layers = new();
            private readonly ModuleList<BatchNorm1d> norms = new();
            private readonly Linear head = Linear(64, 10);

            public Net(int depth = 40) : base(nameof(Net))
            {
                for (var i = 0; i < depth; i++)
                {
                    layers.Add({{creation}});
                    norms.Add(BatchNorm1d(64));
                }

                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                for (var i = 0; i < layers.Count; i++)
                    x = {{step}};
                return head.call(x);
            }
        }
        """;

    private static string Elements(string first, string next, string module) => $$"""
        public static class Program
        {
            public static Module<Tensor, Tensor> Create() => Sequential(
                {{first}},
        {{string.Concat(Enumerable.Repeat($"        {next},\n", 35))}}        Linear(64, 10));{{module}}
        }
        """;
}
