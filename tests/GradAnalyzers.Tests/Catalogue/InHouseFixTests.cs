using Xunit;

namespace GradAnalyzers.Tests.Catalogue;

/// <summary>Fixes in a framework that only a catalogue describes: in its own words, or none.</summary>
public sealed class InHouseFixTests
{
    private const string Framework = """
        namespace Acme
        {
            public class Values { public Values Minus(Values other) => this; }
            public class Gradients { }
            public abstract class Layer { public abstract Values Run(Values input); public System.Collections.Generic.List<Values> Weights() => new(); }
            public sealed class Memory(int size) : Layer { public override Values Run(Values input) => input; }
            public sealed class Teacher(Layer network, double rate)
            {
                public void Forget() { }
                public void Learn(Values error) { }
                public void Advance() { }
                public void Tame(float most) { }
            }
            public static class Limits
            {
                public static void Shorten(Layer network, double limit) { }
                public static void ShortenAll(System.Collections.Generic.IEnumerable<Values> weights, float limit) { }
                public static Gradients Shortened(Layer network, double limit) => new();
                public static void Reset(Teacher teacher) { }
            }
        }
        """;

    private const string Common = """
        Acme.Layer             module
        Acme.Layer.Run         forward
        Acme.Layer.Weights     parameters
        Acme.Memory            lstm
        Acme.Teacher           optimizer
        Acme.Teacher.Learn     backward    loss=error
        Acme.Teacher.Advance   step

        """;

    [Theory]
    [InlineData("Acme.Limits.Shorten clip_norm parameters=network threshold=limit", "Acme.Limits.Shorten(network, limit: 1.0);")]
    [InlineData("Acme.Limits.ShortenAll clip_norm parameters=weights threshold=limit", "Acme.Limits.ShortenAll(network.Weights(), limit: 1.0f);")]
    [InlineData("Acme.Teacher.Tame clip_value threshold=most", "teacher.Tame(most: 1.0f);")]
    public async Task TheirClipIsInserted(string line, string inserted) => Assert.Equal(
        Loop("teacher.Forget();", "teacher.Learn(network.Run(x).Minus(y));", inserted, "teacher.Advance();"),
        await On(Common + "Acme.Teacher.Forget clear\n" + line, Loop("teacher.Forget();", "teacher.Learn(network.Run(x).Minus(y));", "teacher.Advance();")).Fixed("GRAD2001"));

    [Theory]
    [InlineData("Acme.Limits.Shortened clip_norm parameters=network threshold=limit")]
    [InlineData("Acme.Limits.Missing clip_norm parameters=network threshold=limit")]
    [InlineData("")]
    public async Task WithoutAClipThatIsAStatementNothingIsOffered(string line) => Assert.Empty(
        await On(Common + "Acme.Teacher.Forget clear\n" + line, Loop("teacher.Forget();", "teacher.Learn(network.Run(x).Minus(y));", "teacher.Advance();")).Offers("GRAD2001"));

    [Theory]
    [InlineData("Acme.Teacher.Forget clear", "teacher.Forget();")]
    [InlineData("Acme.Limits.Reset clear parameters=teacher", "Acme.Limits.Reset(teacher);")]
    public async Task TheirClearIsInserted(string line, string inserted) => Assert.Equal(
        Loop(inserted, "teacher.Learn(network.Run(x).Minus(y));", "teacher.Advance();"),
        await On(Common + line, Loop("teacher.Learn(network.Run(x).Minus(y));", "teacher.Advance();")).Fixed("GRAD2003"));

    [Fact]
    public async Task WithoutAClearNothingIsOffered() => Assert.Empty(
        await On(Common + "Acme.Limits.Missing clear", Loop("teacher.Learn(network.Run(x).Minus(y));", "teacher.Advance();")).Offers("GRAD2003"));

    private static FixedProgram On(string catalogue, string program) => new(program, [.. AnalyzedProgram.Framework, AnalyzedProgram.Assembly(Framework)], catalogue, "global using System;");

    private static string Loop(params string[] lines) => $$"""
        public static class Program
        {
            public static void Train(Acme.Values x, Acme.Values y)
            {
                var network = new Acme.Memory(8);
                var teacher = new Acme.Teacher(network, 0.1);
                for (var i = 0; i < 10; i++)
                {
                    {{string.Join("\n            ", lines)}}
                }
            }
        }
        """;
}
