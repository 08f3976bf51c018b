using GradAnalyzers.Facts;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace GradAnalyzers.Tests.Facts;

/// <summary>What an assembly carries: small, without paths and source text; and what is none of it is ignored.</summary>
public sealed class FactTextTests
{
    private const string Model = """
        namespace Shop;

        public sealed class CharLstm : Module<Tensor, Tensor>
        {
            private readonly LSTM _lstm = LSTM(16, 32);
            public CharLstm() : base("secretName") => RegisterComponents();
            public override Tensor forward(Tensor x) => _lstm.call(x).Item1;
        }

        """;

    private static string Use { get; } = "using Shop;\n" + BorderTests.Method("Tensor x, Tensor y", "var model = new CharLstm(); " + BorderTests.Loop("model"));

    [Fact]
    public void AModelOfAHundredParametersTakesLessThan4KilobytesAndNoSourceText()
    {
        var library = Border.WithFacts(Border.Compile($$"""
            namespace Shop;
            public sealed class Deep : Module<Tensor, Tensor>
            {
                {{string.Concat(Enumerable.Range(0, 50).Select(index => $"private readonly Linear layer{index} = Linear(128, 128);\n"))}}
                public Deep() : base("secretName") => RegisterComponents();
                public override Tensor forward(Tensor secretVariable)
                {
                    {{string.Concat(Enumerable.Range(0, 50).Select(index => $"secretVariable = torch.sigmoid(layer{index}.forward(secretVariable));\n"))}}
                    return secretVariable;
                }
            }
            """));

        var text = Assert.Single(Border.Texts(library));

        Assert.InRange(text.Length, 1_000, 4_096);
        Assert.Contains("layer49", text, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
        Assert.DoesNotContain("/", text, StringComparison.Ordinal);
        Assert.Contains(" predicts=vanishing;layer0:-", text, StringComparison.Ordinal);
        Assert.Equal(text, FactText.Write(FactText.Read(text)!));
    }

    [Fact]
    public void PredictionsOfClassesThatNobodyElseSeesAndOfSequentialsAreWrittenForTheMonitor()
    {
        var texts = Border.Texts(Border.WithFacts(Border.Compile("""
            internal sealed class Net : Module<Tensor, Tensor>
            {
                private readonly Linear _one = Linear(16, 32), _two = Linear(32, 4);
                public Net(long width) : base("net") => RegisterComponents();
                public override Tensor forward(Tensor x) => _two.forward(functional.relu(_one.forward(x)));
            }

            public static class Make
            {
                private static Module<Tensor, Tensor> Plain() => Sequential(("first", Linear(8, 8)), ("act", ReLU()), ("second", Linear(8, 2)));
            }
            """)));

        Assert.Matches(@"^1 S:1 predicts=healthy;first:-?[0-9.]+,-?[0-9.]+;second:-?[0-9.]+,-?[0-9.]+$", texts[0]);
        Assert.Matches(@"^1 T:Net predicts=healthy;_one:-?[0-9.]+,-?[0-9.]+;_two:-?[0-9.]+,-?[0-9.]+$", texts[1]);
    }

    [Fact]
    public void WhatIsPredictedDifferentlyForTheSamePathsIsNotWritten()
    {
        var texts = Border.Texts(Border.WithFacts(Border.Compile("""
            internal sealed class Net : Module<Tensor, Tensor>
            {
                private readonly Linear _one = Linear(16, 32), _two = Linear(32, 32), _three = Linear(32, 32), _four = Linear(32, 4);
                private readonly bool _saturates;
                public Net(bool saturates) : base("net")
                {
                    _saturates = saturates;
                    RegisterComponents();
                }

                public override Tensor forward(Tensor x)
                {
                    foreach (var layer in new[] { _one, _two, _three })
                        x = _saturates ? torch.sigmoid(layer.forward(x)) : functional.relu(layer.forward(x));
                    return _four.forward(x);
                }
            }

            public static class Make
            {
                private static Module<Tensor, Tensor> Old() => new Net(true);
                private static Module<Tensor, Tensor> New() => new Net(false);
                private static Module<Tensor, Tensor> Plain() => Sequential(Linear(8, 8), ReLU(), Linear(8, 8), ReLU(), Linear(8, 2));
                private static Module<Tensor, Tensor> Saturating() => Sequential(Linear(8, 8), Sigmoid(), Linear(8, 8), Sigmoid(), Linear(8, 2));
                private static Module<Tensor, Tensor> Other() => Sequential(("one", Linear(8, 8)), ("act", ReLU()), ("two", Linear(8, 2)));
                private static Module<Tensor, Tensor> Again() => Sequential(("one", Linear(8, 8)), ("act", ReLU()), ("two", Linear(8, 2)));
            }
            """)));

        Assert.StartsWith("1 S:1 predicts=healthy;one:", Assert.Single(texts, text => text.Contains("predicts=", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task PrivateAndInternalMembersStayBehind()
    {
        Assert.Empty(Border.Texts(Border.WithFacts(Border.Compile(Model.Replace("public sealed", "internal sealed", StringComparison.Ordinal)))));
        Assert.NotEmpty(Border.Texts(Border.WithFacts(Border.Compile("[assembly: System.Runtime.CompilerServices.InternalsVisibleTo(\"User\")]\n" + Model.Replace("public sealed", "internal sealed", StringComparison.Ordinal)))));
        await Border.Reports("GRAD2001", "[assembly: System.Runtime.CompilerServices.InternalsVisibleTo(\"User\")]\n" + Model.Replace("public sealed", "internal sealed", StringComparison.Ordinal), Use, Seen.Assembly);
    }

    [Theory]
    [InlineData("2 T:Shop.CharLstm module recurrent")]
    [InlineData("T:Shop.CharLstm module recurrent")]
    [InlineData("1 T:Shop.CharLstm module recurrent=many")]
    [InlineData("1 T:Shop.CharLstm module recurrent forward=;;;(")]
    [InlineData("1 T:Shop.CharLstm module recurrent forward=;Input;Linear<7")]
    [InlineData("1 T:Shop.CharLstm module=%00 recurrent")]
    [InlineData("1")]
    [InlineData("")]
    [InlineData("hello world of facts")]
    public async Task WhatIsDamagedForeignOrNewerIsIgnored(string text)
    {
        Assert.Null(FactText.Read(text));
        var library = Border.Emitted(Border.Compile($"[assembly: System.Reflection.AssemblyMetadata(\"GradAnalyzers\", {SymbolDisplay.FormatLiteral(text, quote: true)})]\n" + Model), isReferenceAssembly: false);

        Assert.Empty(await Border.Places(Use.Replace("[|", "").Replace("|]", ""), library));
    }

    [Fact]
    public async Task ThePropertyTurnsItOff()
    {
        Assert.Empty(Border.Texts(Border.WithFacts(Border.Compile(Model), "false")));
        Assert.Empty(await Border.Diagnostics(Use.Replace("[|", "").Replace("|]", ""), "false", Border.Reference(Model, Seen.Assembly)));
    }

    [Fact]
    public void AnEditorDoesNotRunIt()
    {
        Border.Driver(isEditor: true).RunGeneratorsAndUpdateCompilation(Border.Compile(Model), out var updated, out _, TestContext.Current.CancellationToken);

        Assert.Empty(Border.Texts((CSharpCompilation)updated));
    }

    [Fact]
    public async Task OfTwoVersionsTheOneThatIsReferencedCounts()
    {
        var other = Model.Replace("LSTM _lstm = LSTM(16, 32)", "Linear _lstm = Linear(16, 32)", StringComparison.Ordinal).Replace("_lstm.call(x).Item1", "_lstm.call(x)", StringComparison.Ordinal);

        await Border.Reports("GRAD2001", Model, Use, Seen.Assembly);
        await Border.IsSilent(other, Use, Seen.Assembly);
    }
}
