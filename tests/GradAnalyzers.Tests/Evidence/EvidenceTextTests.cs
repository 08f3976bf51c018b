using System.Text;
using GradAnalyzers.Evidence;
using Microsoft.CodeAnalysis.Text;
using Xunit;

namespace GradAnalyzers.Tests.Evidence;

public sealed class EvidenceTextTests
{
    [Fact]
    public void ARowBecomesItsValues()
    {
        var (run, errors) = EvidenceText.Parse(SourceText.From(MeasuredProgram.File("\"A, B\"", "\"a,\"\"b\"\".weight\",never-updated,10,1000,100,2,0.5,Infinity,,0.1,,0.25,3,,64,,1,1E-07", "'-x.bias,frozen,0,0,0,0,,,,,,,0,,1,,,")));

        Assert.Empty(errors);
        Assert.Equal(("A, B", 1000L, true), (run!.Model, run.Steps, run.IsWhole));
        Assert.Equal(new MeasuredParameter("a,\"b\".weight", MeasuredVerdict.NeverUpdated, 10, 100, 0.5, double.PositiveInfinity, double.NaN, 0.25, 1e-7), run.Parameters[0]);
        Assert.Equal(("-x.bias", MeasuredVerdict.Frozen), (run.Parameters[1].Path, run.Parameters[1].Verdict));
    }

    [Fact]
    public void EveryVerdictOfTheMonitorIsRead() =>
        Assert.Equal(Enum.GetNames<Monitor.GradientVerdict>(), Enum.GetNames<MeasuredVerdict>());

    [Fact]
    public void WhatIsTooLargeIsRefusedWithoutBeingRead() // A hundred megabytes.
    {
        var (run, errors) = EvidenceText.Parse(new Unreadable(100_000_000));

        Assert.Null(run);
        Assert.Equal("this evidence file has 100,000,000 characters; up to 4,000,000 are read. Measure a part of the model, or exclude the file", Assert.Single(errors).Message);
    }

    [Theory]
    [InlineData("utf-16")]
    [InlineData("iso-8859-1")] // What the compiler takes where bytes are no UTF-8.
    public void AnotherEncodingIsRefused(string name)
    {
        var (run, errors) = EvidenceText.Parse(SourceText.From(MeasuredProgram.File("Net"), Encoding.GetEncoding(name)));

        Assert.Null(run);
        Assert.StartsWith("this evidence file is not in UTF-8", Assert.Single(errors).Message);
    }

    [Fact]
    public void CutAnywhereItIsReadOrReportedAndNeverThrows()
    {
        var whole = MeasuredProgram.File("Net", MeasuredProgram.Row("fc1.weight", "vanishing", 1e-6), MeasuredProgram.Row("\"f,c\".bias", "healthy", 1));
        for (var length = 0; length <= whole.Length; length++)
        {
            var (run, errors) = EvidenceText.Parse(SourceText.From(whole[..length]));
            Assert.True(run is not null || errors.Length > 0);
        }
    }

    [Fact]
    public void RandomBytesNeverThrow()
    {
        var random = new Random(1);
        var good = MeasuredProgram.File("Net", MeasuredProgram.Row("fc1.weight", "vanishing", 1e-6), MeasuredProgram.Row("fc1.bias", "healthy", 1)).ToCharArray();
        for (var round = 0; round < 2_000; round++)
        {
            var text = (char[])good.Clone();
            for (var change = random.Next(1, 8); change > 0; change--)
                text[random.Next(text.Length)] = (char)random.Next(0, random.Next(2) == 0 ? 128 : 0x10000);
            EvidenceText.Parse(SourceText.From(new string(text)));
        }
    }

    private sealed class Unreadable(int length) : SourceText
    {
        public override Encoding? Encoding => Encoding.UTF8;

        public override int Length => length;

        public override char this[int position] => throw new InvalidOperationException("it is read");

        public override void CopyTo(int sourceIndex, char[] destination, int destinationIndex, int count) => throw new InvalidOperationException("it is copied");
    }
}
