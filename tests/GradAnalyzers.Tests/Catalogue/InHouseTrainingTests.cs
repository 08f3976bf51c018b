using Xunit;

namespace GradAnalyzers.Tests.Catalogue;

/// <summary>A company's own framework, not built on TorchSharp, seen as an assembly only.</summary>
public sealed class InHouseTrainingTests
{
    private const string Framework = """
        namespace Acme
        {
            public class Values { public Values Minus(Values other) => this; }
            public abstract class Layer { public abstract Values Run(Values input); }
            public sealed class Dense(int inputs, int outputs) : Layer { public override Values Run(Values input) => input; }
            public sealed class Memory(int size) : Layer { public override Values Run(Values input) => input; }
            public sealed class Chain(params Layer[] layers) : Layer { public override Values Run(Values input) => input; }
            public sealed class Teacher(Layer network, double rate)
            {
                public void Forget() { }
                public void Learn(Values error) { }
                public void Advance() { }
            }
            public static class Limits { public static void Shorten(Layer network, double limit) { } }
        }
        """;

    private const string Catalogue = """
        # Acme's framework
        Acme.Layer             module
        Acme.Layer.Run         forward
        Acme.Dense             linear      fan_in=inputs fan_out=outputs
        Acme.Memory            lstm
        Acme.Teacher           optimizer
        Acme.Teacher.Forget    clear
        Acme.Teacher.Learn     backward    loss=error
        Acme.Teacher.Advance   step
        Acme.Limits.Shorten    clip_norm   parameters=network threshold=limit
        """;

    [Fact]
    public async Task ARecurrentNetworkThatIsNotClippedIsReportedInItsOwnWords() => Assert.Equal(
        ["GRAD2001 11: 'Chain' is recurrent and is stepped without gradient clipping; call Acme.Limits.Shorten between backward and step"],
        await Loop("""
            teacher.Forget();
            teacher.Learn(network.Run(x).Minus(y));
            teacher.Advance();
            """));

    [Fact]
    public async Task AClippedOneIsFine() => Assert.Empty(await Loop(
        """
        teacher.Forget();
        teacher.Learn(network.Run(x).Minus(y));
        Acme.Limits.Shorten(network, 1.0);
        teacher.Advance();
        """));

    [Fact]
    public async Task AClipAfterTheStepIsReported() => Assert.StartsWith(
        "GRAD2002 12: This clipping has no effect: it comes after the step",
        Assert.Single(await Loop(
            """
            teacher.Forget();
            teacher.Learn(network.Run(x).Minus(y));
            teacher.Advance();
            Acme.Limits.Shorten(network, 1.0);
            """)));

    [Fact]
    public async Task ALoopThatNeverForgetsIsReported() => Assert.StartsWith(
        "GRAD2003 11: 'teacher' is stepped in a loop that never clears gradients",
        Assert.Single(await Loop(
            """
            teacher.Learn(network.Run(x).Minus(y));
            Acme.Limits.Shorten(network, 1.0);
            teacher.Advance();
            """)));

    [Fact]
    public async Task WithoutACatalogueNothingIsSaid() => Assert.Empty(await AnalyzedProgram.Reports(Framework, "# nothing yet", Program("teacher.Advance();")));

    private static Task<string[]> Loop(string body) => AnalyzedProgram.Reports(Framework, Catalogue, Program(body));

    private static string Program(string body) => $$"""
        public static class Program
        {
            public static void Train(Acme.Values x, Acme.Values y)
            {
                var network = new Acme.Chain(new Acme.Dense(4, 8), new Acme.Memory(8));
                var teacher = new Acme.Teacher(network, 0.1);
                for (var i = 0; i < 10; i++)
                {
        {{body}}
                }
            }
        }
        """;
}
