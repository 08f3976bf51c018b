using Xunit;

namespace GradAnalyzers.Tests.Rules.Training;

/// <summary>One mistake is reported once, by the rule that says it best, with all rules of the loop together.</summary>
public sealed class OneCauseOneReportTests
{
    private static string Loop(string round) => Code.InMethod($$"""
        var model = new CharRnn();
        var other = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        while (true)
        {
            var loss = functional.mse_loss(model.forward(x), y);
            {{round}}
        }
        """);

    [Theory]
    [InlineData("GRAD2001", "optimizer.zero_grad(); loss.backward(); [|optimizer.step()|];")]
    [InlineData("GRAD2002", "optimizer.zero_grad(); [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|]; loss.backward(); optimizer.step();")]
    [InlineData("GRAD2002", "optimizer.zero_grad(); loss.backward(); optimizer.step(); [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];")]
    [InlineData("GRAD2002", "optimizer.zero_grad(); loss.backward(); [|torch.nn.utils.clip_grad_norm_(other.parameters(), 1.0)|]; optimizer.step();")]
    [InlineData("GRAD2003", "loss.backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); [|optimizer.step()|];")]
    [InlineData("GRAD2004", "loss.backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.zero_grad(); [|optimizer.step()|];")]
    [InlineData("GRAD2004", "loss.backward(); optimizer.zero_grad(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); [|optimizer.step()|];")]
    [InlineData("GRAD2006", "optimizer.zero_grad(); loss.backward(); [|torch.nn.utils.clip_grad_norm_(model.parameters(), 0)|]; optimizer.step();")]
    public Task OfTheLoopsMistakesOneIsReported(string id, string round) => TrainingRules.Report(id, Loop(round));

    [Theory]
    [InlineData("[|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];\nmodel.forward(x).sum().backward();\noptimizer.step();")]
    [InlineData("model.forward(x).sum().backward();\noptimizer.step();\n[|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];")]
    public Task AMisplacedClipWithoutALoopIsNotAMissingOne(string statements) => TrainingRules.Report("GRAD2002", Code.InMethod($$"""
        var model = new CharRnn();
        var optimizer = torch.optim.Adam(model.parameters());
        {{statements}}
        """));

    [Fact]
    public async Task ARecurrentStepThatIsNeitherClearedNorClippedHasTwoMistakes() => Assert.Equal(
        ["GRAD2001", "GRAD2003"],
        (await TrainingRules.Messages(Loop("loss.backward(); optimizer.step();"))).Select(message => message[..8]));
}
