using GradAnalyzers.Monitor.Judgement;

namespace GradAnalyzers.Monitor.Tests;

/// <summary>What a loss that rises says: harder data, an example that is an exception, or a training that diverges.</summary>
public class LossProgressTests
{
    private readonly Random random = new(1);
    private readonly LossProgress progress = new();

    private void Add(int times, Func<int, double> level)
    {
        for (var i = 0; i < times; i++)
            progress.Add(level(i) * (0.8 + 0.4 * random.NextDouble()));
    }

    [Fact]
    public void HarderDataAreANewLevel()
    {
        Add(100, _ => 1);
        Add(60, _ => 400);

        Assert.Equal(LossTrend.Stalled, progress.Trend());
        Assert.InRange(progress.LevelBegin, 300, 500);
    }

    [Fact]
    public void OnTheNewLevelProgressIsSeen()
    {
        Add(100, _ => 1);
        Add(100, i => 400 - 3 * i);

        Assert.Equal(LossTrend.Improving, progress.Trend());
    }

    [Theory]
    [InlineData(1.05)]
    [InlineData(1.1)]
    public void WhatGrowsIsNone(double factor)
    {
        Add(100, _ => 1);
        Add(60, i => Math.Pow(factor, i));

        Assert.Equal(LossTrend.Worsening, progress.Trend());
        Assert.InRange(progress.LevelBegin, 0.5, 1.5);
    }

    [Fact]
    public void WhatJumpsAndGoesOnGrowingIsNone()
    {
        Add(100, _ => 1);
        Add(60, i => 50 * Math.Pow(1.05, i));

        Assert.Equal(LossTrend.Worsening, progress.Trend());
    }

    [Fact]
    public void AnExceptionIsNone()
    {
        Add(100, _ => 1);
        Add(5, _ => 400);
        Add(220, _ => 1);

        Assert.Equal(LossTrend.Stalled, progress.Trend());
        Assert.InRange(progress.LevelBegin, 0.5, 1.5);
    }

    [Fact]
    public void ALossOfZeroIsOneOnlyWhereItIsAlwaysZero()
    {
        Add(199, _ => 0);
        Assert.False(progress.IsZeroThroughout);
        Add(1, _ => 0);
        Assert.True(progress.IsZeroThroughout);
        Add(1, _ => 1);
        Assert.False(progress.IsZeroThroughout);
    }

    [Fact]
    public void TheLevelIsSaved()
    {
        Add(100, _ => 1);
        Add(60, _ => 400);
        var resumed = new LossProgress();
        resumed.Load(progress.Save());

        Assert.Equal(progress.Trend(), resumed.Trend());
        Assert.Equal(progress.LevelBegin, resumed.LevelBegin);
    }
}
