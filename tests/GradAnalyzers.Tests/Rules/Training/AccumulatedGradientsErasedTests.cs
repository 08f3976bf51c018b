using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Training.AccumulatedGradientsErased, GradAnalyzers.CodeFixes.AccumulatedGradientsErasedFixer>;

namespace GradAnalyzers.Tests.Rules.Training;

public sealed class AccumulatedGradientsErasedTests
{
    private static string Loop(string round) => Code.InMethod($$"""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        var count = 0;
        foreach (var (input, target) in batches)
        {
            {{round.ReplaceLineEndings("\n    ")}}
        }
        """);

    [Fact]
    public Task TheClearMovesBehindTheStepIntoABlock() => Verify.Fixes(
        Loop("""
        [|optimizer.zero_grad()|];
        functional.mse_loss(model.call(input), target).backward();
        if (++count % 4 == 0)
            optimizer.step();
        """),
        Loop("""
        functional.mse_loss(model.call(input), target).backward();
        if (++count % 4 == 0)
        {
            optimizer.step();
            optimizer.zero_grad();
        }
        """));

    [Fact]
    public Task TheClearMovesIntoTheBlockOfTheStepAndItsCommentStays() => Verify.Fixes(
        Loop("""
        // accumulate over four batches
        [|model.zero_grad()|];
        (functional.mse_loss(model.call(input), target) / 4).backward();
        count++;
        if (count == 4)
        {
            optimizer.step(); // every fourth
            count = 0;
        }
        """),
        Loop("""
        // accumulate over four batches
        (functional.mse_loss(model.call(input), target) / 4).backward();
        count++;
        if (count == 4)
        {
            optimizer.step(); // every fourth
            model.zero_grad();
            count = 0;
        }
        """));

    [Fact]
    public Task AStepBehindAContinueIsFollowedByTheClear() => Verify.Fixes(
        Loop("""
        [|optimizer.zero_grad()|]; // anew
        functional.mse_loss(model.call(input), target).backward();
        if (++count % 4 != 0)
            continue;
        optimizer.step();
        """),
        Loop("""
        // anew
        functional.mse_loss(model.call(input), target).backward();
        if (++count % 4 != 0)
            continue;
        optimizer.step();
        optimizer.zero_grad();
        """));

    [Fact]
    public Task AClearAtTheEndOfTheRoundMovesIntoTheCondition() => Verify.Fixes(
        Loop("""
        functional.mse_loss(model.call(input), target).backward();
        var isLast = ++count % 4 == 0;
        if (isLast)
            optimizer.step();
        [|optimizer.zero_grad()|];
        """),
        Loop("""
        functional.mse_loss(model.call(input), target).backward();
        var isLast = ++count % 4 == 0;
        if (isLast)
        {
            optimizer.step();
            optimizer.zero_grad();
        }
        """));

    [Fact]
    public Task ATopLevelProgramIsFixed() => Verify.Fixes(
        """
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        for (var i = 0; i < 100; i++)
        {
            [|optimizer.zero_grad()|];
            model.call(torch.rand(4, 16)).sum().backward();
            if (i % 10 == 9)
                optimizer.step();
        }
        """,
        """
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        for (var i = 0; i < 100; i++)
        {
            model.call(torch.rand(4, 16)).sum().backward();
            if (i % 10 == 9)
            {
                optimizer.step();
                optimizer.zero_grad();
            }
        }
        """, isProgram: true);

    [Fact]
    public Task TwoLoopsAreBothFixed() => Verify.Fixes(
        Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        for (var i = 0; i < 9; i++)
        {
            [|optimizer.zero_grad()|];
            model.call(x).sum().backward();
            if (i % 3 == 2)
                optimizer.step();
        }
        for (var i = 0; i < 9; i++)
        {
            [|optimizer.zero_grad()|];
            model.call(y).sum().backward();
            if (i % 3 == 2)
                optimizer.step();
        }
        """),
        Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        for (var i = 0; i < 9; i++)
        {
            model.call(x).sum().backward();
            if (i % 3 == 2)
            {
                optimizer.step();
                optimizer.zero_grad();
            }
        }
        for (var i = 0; i < 9; i++)
        {
            model.call(y).sum().backward();
            if (i % 3 == 2)
            {
                optimizer.step();
                optimizer.zero_grad();
            }
        }
        """));

    [Fact]
    public Task AClearInAHelperHasNoFix() => Verify.OffersNoFix(
        """
        public sealed class Trainer(Mlp model)
        {
            private readonly torch.optim.Optimizer _optimizer = torch.optim.Adam(model.parameters());

            private void Begin() => _optimizer.zero_grad();

            public void Fit(List<Tensor> batches)
            {
                for (var i = 0; i < batches.Count; i++)
                {
                    [|Begin()|];
                    model.call(batches[i]).sum().backward();
                    if (i % 4 == 3)
                        _optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public async Task TheMessageNamesTheOptimizer() => Assert.Equal(
        ["GRAD2010: Gradients are cleared in every round, but 'Adam' is stepped only in some: all but the last backward before a step are thrown away. Clear them after the step."],
        await TrainingRules.Messages(Loop("optimizer.zero_grad(); model.call(input).sum().backward(); if (++count % 4 == 0) optimizer.step();")));
}
