using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Flow.UninitializedNormalization, GradAnalyzers.CodeFixes.UninitializedNormalizationFixer>;

namespace GradAnalyzers.Tests.Rules.Flow;

public sealed class UninitializedNormalizationTests
{
    [Fact]
    public Task ThoseInAListAreSetInALoop() => Verify.Fixes(
        Net("[|GroupNorm(4, 16)|]", ""), Net("GroupNorm(4, 16)",
        """

                foreach (var module in modules())
                {
                    if (module is GroupNorm groupNorm)
                    {
                        torch.nn.init.ones_(groupNorm.weight);
                        torch.nn.init.zeros_(groupNorm.bias);
                    }
                }
        """), models: Training.Models, iterations: 1);

    [Theory]
    [InlineData("init.ones_(norm.weight); init.zeros_(norm.bias);")]
    [InlineData("foreach (var (name, parameter) in named_parameters()) { if (name.StartsWith(\"norm\")) init.constant_(parameter, 1); }")]
    [InlineData("using (torch.no_grad()) { norm.weight.fill_(1); norm.bias.zero_(); }")]
    [InlineData("norm.weight = new Parameter(torch.ones(16)); norm.bias = new Parameter(torch.zeros(16));")]
    [InlineData("load(\"net.dat\");")]
    public Task WhatTheConstructorSetsIsFine(string code) => Verify.IsSilent(Field("GroupNorm(4, 16)", code), models: Training.Models);

    [Theory]
    [InlineData("init.zeros_(norm.bias);")]
    [InlineData("init.ones_(norm.weight);")]
    [InlineData("init.ones_(head.weight);")]
    [InlineData("foreach (var m in modules()) { if (m is Linear l) init.xavier_uniform_(l.weight); }")]
    public Task HalfOfItIsNotEnough(string code) => Verify.Reports(Field("[|GroupNorm(4, 16)|]", code), models: Training.Models);

    [Theory]
    [InlineData("GroupNorm(4, 16, affine: false)")]
    [InlineData("LayerNorm(new long[] { 16, 8, 8 })")]
    [InlineData("BatchNorm2d(16)")]
    [InlineData("InstanceNorm2d(16, affine: true)")]
    public Task OthersAreSetByTheLibrary(string norm) => Verify.IsSilent(Net(norm, ""), models: Training.Models);

    private static string Field(string norm, string code) =>
        $$"""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Conv2d conv = Conv2d(3, 16, kernel_size: 3);
            private readonly GroupNorm norm = {{norm}};
            private readonly Linear head = Linear(16, 10);

            public Net() : base(nameof(Net))
            {
                RegisterComponents();
                {{code}}
            }

            public override Tensor forward(Tensor x) => head.forward(functional.relu(norm.forward(conv.forward(x))).mean(new long[] { 2, 3 }));
        }
        """;

    private static string Net(string norm, string code) =>
        $$"""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Sequential layers;

            public Net() : base(nameof(Net))
            {
                layers = Sequential(Conv2d(3, 16, kernel_size: 3), {{norm}}, ReLU(), AdaptiveAvgPool2d(1), Flatten(), Linear(16, 10));
                RegisterComponents();{{code}}
            }

            public override Tensor forward(Tensor x) => layers.forward(x);
        }
        """;
}
