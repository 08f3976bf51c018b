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
    public Task OverSeveralStatementsTheInputIsKept() => Verify.Fixes(
        Loop("[|Linear(64, 64)|]", "layers[i].call(x);\n            x = norms[i].call(x);\n            x = functional.relu(x)", isBlock: true),
        Loop("Linear(64, 64)", "layers[i].call(x);\n            x = norms[i].call(x);\n            x = residual + functional.relu(x)", isBlock: true, before: "var residual = x;\n            "),
        models: Training.Models);

    [Fact]
    public Task AVariableOfItsOwnLeavesTheInputAsItIs() => Verify.Fixes(
        Loop("[|Linear(64, 64)|]", "functional.relu(norms[i].call(h))", isBlock: true, before: "using var h = layers[i].call(x);\n            "),
        Loop("Linear(64, 64)", "x + functional.relu(norms[i].call(h))", isBlock: true, before: "using var h = layers[i].call(x);\n            "),
        models: Training.Models);

    [Fact]
    public Task ResidualBlocksAreFine() => Verify.IsSilent(Loop("Linear(64, 64)", "x + functional.relu(norms[i].call(layers[i].call(x)))"), models: Training.Models);

    /// <summary>The same stack of convolutions, alone and between a stem and a head: whatever these add, the stack explodes.</summary>
    [Theory]
    [InlineData("[|Conv2d(3, 32, 3, padding: 1)|]", "functional.relu(_stemNorm.call(_stem.call(x)))")]
    [InlineData("[|Conv2d(3, 32, 7, stride: 2, padding: 3)|]", "functional.max_pool2d(functional.relu(_stemNorm.call(_stem.call(x))), 2)")]
    [InlineData("[|Conv2d(3, 32, 1)|]", "_stemNorm.call(_stem.call(x))")]
    public Task ADeepStackBehindAStemIsReportedToo(string stem, string entered) => Verify.Reports(Stemmed(stem, entered, "_norms[i].call(_blocks[i].call(x))", 60), models: Training.Models);

    [Theory]
    [InlineData("x + functional.relu(_norms[i].call(_blocks[i].call(x)))", 60)]
    [InlineData("functional.relu(_norms[i].call(_blocks[i].call(x)))", 8)]
    public Task BehindAStemResidualOrModerateStacksAreFine(string step, int depth) =>
        Verify.IsSilent(Stemmed("Conv2d(3, 32, 3, padding: 1)", "functional.relu(_stemNorm.call(_stem.call(x)))", step, depth), models: Training.Models);

    private static string Stemmed(string stem, string entered, string step, int depth) => $$"""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Conv2d _stem = {{stem}};
            private readonly BatchNorm2d _stemNorm = BatchNorm2d(32);
            private readonly ModuleList<Conv2d> _blocks = new();
            private readonly ModuleList<BatchNorm2d> _norms = new();
            private readonly Linear _head = Linear(32, 10);

            public Net() : base(nameof(Net))
            {
                for (var i = 0; i < {{depth}}; i++)
                {
                    _blocks.Add(Conv2d(32, 32, 3, padding: 1));
                    _norms.Add(BatchNorm2d(32));
                }

                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                x = {{entered}};
                for (var i = 0; i < _blocks.Count; i++)
                    x = {{(step.StartsWith("_norms", StringComparison.Ordinal) ? $"functional.relu({step})" : step)}};
                return _head.call(x.mean([2, 3]));
            }
        }
        """;

    [Fact]
    public Task AModerateNormalizedStackIsFine() => Verify.IsSilent(
        Loop("Linear(64, 64)", "functional.relu(norms[i].call(layers[i].call(x)))").Replace("depth = 40", "depth = 10"), models: Training.Models);

    private static string Loop(string creation, string step, bool isBlock = false, string before = "") => $$"""
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
        {{(isBlock ? $"        {{\n            {before}x = {step};\n        }}" : $"            x = {step};")}}
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
