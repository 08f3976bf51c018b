namespace GradAnalyzers.Tests.Rules.Flow;

/// <summary>What makes a compilation one that trains.</summary>
internal static class Training
{
    public const string Step = """

        public static class TrainingStep
        {
            public static void Run(TorchSharp.torch.Tensor loss, TorchSharp.torch.optim.Optimizer optimizer)
            {
                optimizer.zero_grad();
                loss.backward();
                optimizer.step();
            }
        }
        """;

    /// <summary>A file beside the code under test.</summary>
    public const string Models = "using TorchSharp;" + Step;
}
