using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Tests;

public class MuteTests
{
    private static List<GradientAlert> Sigmoids(params Mute[] mutes)
    {
        using var model = Training.Mlp(depth: 10, activation: nn.Sigmoid);
        using var monitor = new GradientMonitor(model, Training.Closely with { GateOnLoss = false, Mutes = mutes });
        Training.Steps(model, 6, loss => monitor.Observe(loss));
        Assert.Equal(monitor.Alerts.Count == 0, monitor.Verdict == GradientVerdict.Healthy);
        return [.. monitor.Alerts];
    }

    [Fact]
    public void AMutedKindRaisesNoAlertAndNoVerdict()
    {
        Assert.Contains(Sigmoids(), a => a.Kind == AlertKind.Vanishing);

        Assert.Empty(Sigmoids(new Mute(AlertKind.Vanishing)));
        Assert.Empty(Sigmoids(new Mute()));
        Assert.NotEmpty(Sigmoids(new Mute(AlertKind.Exploding)));
    }

    [Fact]
    public void OfAMutedParameterNothingIsSaidAndOfTheOthersEverything()
    {
        var alert = Assert.Single(Sigmoids(new Mute(AlertKind.Vanishing, "fc0.*")));

        Assert.Equal("fc1.weight", alert.Parameter);
        Assert.DoesNotContain(alert.Parameters, p => p.StartsWith("fc0."));
        Assert.Contains("fc2.weight", alert.Parameters);
    }

    [Theory]
    [InlineData("experts.*", true)]
    [InlineData("experts.?.weight", true)]
    [InlineData("*.weight", true)]
    [InlineData("*", true)]
    [InlineData("expert", false)]
    [InlineData("EXPERTS.*", false)]
    public void PatternsAreNamesWithStars(string pattern, bool covers) =>
        Assert.Equal(covers, new Mute(AlertKind.NoGradient, pattern).Covers(AlertKind.NoGradient, "experts.1.weight"));

    [Fact]
    public void AHeadThatIsUsedLateCanBeToldApartFromOneThatIsForgotten()
    {
        var used = nn.Linear(4, 4);
        using var model = nn.Sequential(("0", used), ("1", nn.Linear(4, 4)), ("2", nn.Linear(4, 4)));
        using var monitor = new GradientMonitor(model, Training.Closely with { Mutes = [new(AlertKind.NoGradient, "1.*")] });
        for (var i = 0; i < 20; i++)
        {
            using var scope = NewDisposeScope();
            model.zero_grad();
            var loss = used.call(randn(2, 4)).pow(2).mean();
            loss.backward();
            monitor.Observe(loss);
        }

        var alert = Assert.Single(monitor.Alerts, a => a.Kind == AlertKind.NoGradient);
        Assert.Equal(["2.weight", "2.bias"], alert.Parameters);
        Assert.Contains("2 parameters without gradient: '2.weight', '2.bias'", alert.Message);
        Assert.Equal(GradientVerdict.Unknown, monitor.Summaries().Single(s => s.Parameter == "1.weight").Verdict);
        Assert.Equal(GradientVerdict.NoGradient, monitor.Summaries().Single(s => s.Parameter == "2.weight").Verdict);
    }

    [Fact]
    public void NaNInAMutedParameterIsNoAlertAndElsewhereItIs()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely with { Mutes = [new(AlertKind.NonFinite, "fc0.*")] });
        foreach (var (name, p) in model.named_parameters())
            p.grad = name == "fc0.weight" ? full_like(p, float.NaN) : ones_like(p);
        monitor.Observe(1.0);
        Assert.Empty(monitor.Alerts);

        model.get_parameter("out.bias")!.grad!.fill_(float.PositiveInfinity);
        monitor.Observe(1.0);
        Assert.Equal("out.bias", Assert.Single(monitor.Alerts).Parameter);
    }

    [Fact]
    public void TheMonitorItselfCanNotBeMuted() => Assert.False(new Mute().Covers(AlertKind.Monitor, ""));

    [Fact]
    public void AnAlertOfAKindThatStopsEndsTheLoopAndOneThatThrowsThrows()
    {
        using var model = Training.Mlp();
        var options = Training.Closely with { Actions = new Dictionary<AlertKind, AlertAction> { [AlertKind.NonFinite] = AlertAction.Stop, [AlertKind.NoGradient] = AlertAction.Throw } };
        using var monitor = new GradientMonitor(model, options);
        Training.Steps(model, 2, loss => monitor.Observe(loss));
        Assert.False(monitor.ShouldStop);

        monitor.Observe(double.NaN);
        Assert.True(monitor.ShouldStop);
        Assert.Equal(AlertKind.NonFinite, monitor.StopReason!.Kind);

        model.zero_grad();
        Assert.Equal(AlertKind.NoGradient, Assert.Throws<GradientAlertException>(() => { monitor.Observe(); }).Alert.Kind);
    }

    [Fact]
    public void AKindThatContinuesIsNotThrownByThrowOnAlert()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely with { ThrowOnAlert = true, Actions = new Dictionary<AlertKind, AlertAction> { [AlertKind.NonFinite] = AlertAction.Continue } });
        Training.Steps(model, 1, loss => monitor.Observe(loss));

        monitor.Observe(double.NaN);

        Assert.Equal(AlertKind.NonFinite, Assert.Single(monitor.Alerts).Kind);
        Assert.False(monitor.ShouldStop);
    }
}
