using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Training.UnclippedRecurrentTraining, GradAnalyzers.CodeFixes.UnclippedRecurrentTrainingFixer>;

namespace GradAnalyzers.Tests.Rules.Training;

public sealed class UnclippedRecurrentTrainingTests
{
    [Fact]
    public Task AStepInOneMethodIsReportedAndClippedBeforeIt() => Verify.Fixes(
        """
        public static class Program
        {
            public static void Train(Tensor x, Tensor y)
            {
                var model = new CharRnn();
                var optimizer = torch.optim.Adam(model.parameters(), 1e-3);
                var loss = nn.CrossEntropyLoss();
                for (var epoch = 0; epoch < 10; epoch++)
                {
                    optimizer.zero_grad();
                    var output = loss.forward(model.forward(x), y);
                    output.backward();
                    [|optimizer.step()|];
                }
            }
        }
        """,
        """
        public static class Program
        {
            public static void Train(Tensor x, Tensor y)
            {
                var model = new CharRnn();
                var optimizer = torch.optim.Adam(model.parameters(), 1e-3);
                var loss = nn.CrossEntropyLoss();
                for (var epoch = 0; epoch < 10; epoch++)
                {
                    optimizer.zero_grad();
                    var output = loss.forward(model.forward(x), y);
                    output.backward();
                    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm: 1.0);
                    optimizer.step();
                }
            }
        }
        """);
}
