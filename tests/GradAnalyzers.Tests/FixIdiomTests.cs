using System.Text.RegularExpressions;
using Xunit;

namespace GradAnalyzers.Tests;

/// <summary>Clip and clear in the many ways in which people write a step: the code after a fix compiles, has what was inserted once, and is not reported any more; where there is no place for it, nothing is changed.</summary>
public sealed class FixIdiomTests
{
    private const string Clear = "optimizer.zero_grad(); ";
    private const string Backward = "functional.mse_loss(model.forward(a), b).backward(); ";

    /// <summary>Where the clear would come behind the step, these leave no place for it.</summary>
    private static readonly HashSet<string> WithoutClear = ["lambda with a value", "local function with a value", "local function with return", "null-conditional"];

    /// <summary>What stands in a loop over batches, with the step.</summary>
    public static TheoryData<string, string> Steps { get; } = new()
    {
        { "embedded in if", "if (a.shape[0] > 1) optimizer.step();" },
        { "embedded in else", "if (a.shape[0] == 1) continue; else optimizer.step();" },
        { "switch section", "switch (a.shape[0]) { case 1: break; default: optimizer.step(); break; }" },
        { "using statement", "using (torch.NewDisposeScope()) optimizer.step();" },
        { "using block", "using (var scope = torch.NewDisposeScope()) { optimizer.step(); scope.Detach(a); }" },
        { "lock", "lock (model) optimizer.step();" },
        { "label", "again: optimizer.step(); if (a.shape[0] > 99) goto again;" },
        { "try", "try { optimizer.step(); } finally { a.Dispose(); }" },
        { "inner loop", "do optimizer.step(); while (a.shape[0] > 99);" },
        { "discard", "_ = optimizer.step();" },
        { "declaration", "var loss = optimizer.step(); Console.WriteLine(loss);" },
        { "conditional expression", "var loss = a.shape[0] > 1 ? optimizer.step() : null; Console.WriteLine(loss);" },
        { "argument", "Console.WriteLine(optimizer.step());" },
        { "lambda", "Action stepping = () => optimizer.step(); stepping();" },
        { "lambda with a value", "Func<Tensor> stepping = () => optimizer.step(); stepping();" },
        { "lambda with a block", "Action stepping = () => { optimizer.step(); }; stepping();" },
        { "local function", "Advance(); void Advance() => optimizer.step();" },
        { "local function with a value", "Advance(); Tensor Advance() => optimizer.step();" },
        { "local function with return", "Advance(); Tensor Advance() { return optimizer.step(); }" },
        { "null-conditional", "optimizer?.step();" },
        { "comment before", "/* now */ optimizer.step(); // done" },
        { "in parentheses", "(optimizer).step();" },
        { "checked block", "checked { optimizer.step(); }" },
    };

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task AClipIsInserted(string idiom, string step)
    {
        var text = await Program("CharRnn", Clear + Backward + step).Fixed("GRAD2001");

        Assert.True(Regex.Count(text, "clip_grad_norm_") == 1, $"{idiom}: {text}");
        Assert.True(text.IndexOf("clip_grad_norm_", StringComparison.Ordinal) < text.IndexOf("optimizer.step()", StringComparison.Ordinal) || !text.Contains("optimizer.step()"), $"{idiom}: {text}");
        Assert.Empty(await TrainingRules.Messages(text));
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task AClearIsInserted(string idiom, string step)
    {
        var program = Program("Mlp", Backward + step);
        var text = await program.Fixed("GRAD2003");

        if (WithoutClear.Contains(idiom))
        {
            Assert.Empty(await program.Offers("GRAD2003"));
            Assert.Equal(program.Source, text);
            return;
        }

        Assert.True(Regex.Count(text, "zero_grad") == 1, $"{idiom}: {text}");
        Assert.Empty(await TrainingRules.Messages(text));
    }

    private static FixedProgram Program(string model, string body) => FixedProgram.OnTorchSharp($$"""
        public static class Program
        {
            public static void Train((Tensor X, Tensor Y)[] batches)
            {
                var model = new {{model}}();
                var optimizer = torch.optim.Adam(model.parameters());
                foreach (var (a, b) in batches)
                {
                    {{body}}
                }
            }
        }
        """);
}
