using GradAnalyzers.Tests.Evidence;
using Xunit;
using static GradAnalyzers.Tests.Evidence.MeasuredProgram;

namespace GradAnalyzers.Tests.Rules.Measured;

/// <summary>What evidence does to a program: reports of its own, and predictions that are confirmed, withdrawn or left as they are.</summary>
public sealed class MeasuredRulesTests
{
    private const string Trained = "\npublic static class Training { public static void Step(Tensor loss) => loss.backward(); }\n";

    /// <summary>Predicted to vanish: 2e-4.</summary>
    private const string Sick = """
        public class Net : Module<Tensor, Tensor>
        {
            private readonly Sequential layers = Sequential(
                [|Linear(16, 64)|], Sigmoid(),
                Linear(64, 64), Sigmoid(),
                Linear(64, 64), Sigmoid(),
                Linear(64, 64), Sigmoid(),
                Linear(64, 1), Sigmoid());

            public Net() : base(nameof(Net)) => RegisterComponents();

            public override Tensor forward(Tensor x) => layers.forward(x);
        }
        """ + Trained;

    /// <summary>Predicted to be healthy, if not by much.</summary>
    private const string Borderline = """
        public class Net : Module<Tensor, Tensor>
        {
            private readonly Sequential layers = Sequential(
                [|Linear(16, 64)|], Sigmoid(),
                Linear(64, 64), Sigmoid(),
                Linear(64, 64), Sigmoid(),
                Linear(64, 1));

            public Net() : base(nameof(Net)) => RegisterComponents();

            public override Tensor forward(Tensor x) => layers.forward(x);
        }
        """ + Trained;

    private static string Measured(int layers, double first, double last, string verdict, double? predicted = null, string file = "Net") => MeasuredProgram.File(file, [.. Enumerable.Range(0, layers).SelectMany(i => new[]
    {
        Row($"layers.{2 * i}.weight", i == 0 ? verdict : "healthy", i == 0 ? first : last, i == 0 ? predicted : null), Row($"layers.{2 * i}.bias", "healthy", i == 0 ? first : last),
    })]);

    /// <summary>What the monitor writes of a healthy network of so many layers.</summary>
    private static string Layers(int count) => MeasuredProgram.File("Net", [.. Enumerable.Range(0, count).SelectMany(i => new[] { Row($"layers.{i}.weight", "healthy", 1), Row($"layers.{i}.bias", "healthy", 1) })]);

    private static string OfDepth(string creations) => $$"""
        public class Net : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Linear> layers = new();

            public Net(int depth) : base(nameof(Net))
            {
                for (var i = 0; i < depth; i++)
                    layers.Add(Linear(16, 16));
                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                foreach (var layer in layers)
                    x = layer.forward(x).relu();
                return x;
            }
        }

        public static class Program
        {
            public static void Main(string[] a) { {{creations}} }

            {{(creations.Contains("Make") ? "private static Net Make(int depth) => new Net(depth);" : "")}}
        }
        """ + Trained;

    private static MeasuredProgram With(string code, params string[] files) => new(code, [.. files.Select((text, index) => ($"run{index + 1}.gradients.csv", text))]);

    [Fact]
    public async Task APredictionThatIsConfirmedSaysSoAndIsTheOnlyReport()
    {
        var program = With(Sick, Measured(5, 3e-5, 1, "vanishing"));

        Assert.Equal("4 sigmoid layers leave 'layers.0' about 2e-4 of the gradient of 'layers.8', measured 3e-5; use ReLU with Kaiming initialization, or BatchNorm", Assert.Single(await program.Messages("GRAD1001")));
        await program.IsSilent("GRAD9001");
        await program.IsSilent("GRAD9004");
    }

    [Fact]
    public async Task APredictionThatIsRefutedIsWithdrawn()
    {
        var program = With(Sick, Measured(5, 0.4, 1, "healthy"));

        await program.IsSilent("GRAD1001");
        await program.IsSilent("GRAD9004");
    }

    [Theory]
    [InlineData(",10,1000,100,", ",5000,9000,100,")] // of a network that is trained already
    [InlineData(",10,1000,100,", ",10,1000,3,")] // seen too seldom
    [InlineData("layers.0.weight,healthy", "layers.0.weight,dead")] // healthy in its size only
    [InlineData("layers.8.weight,healthy,10,1000,100,0,1,1,", "layers.8.weight,healthy,10,1000,100,0,,,")] // not measured
    public async Task WhatDoesNotSpeakOfTheStartRefutesNothing(string old, string now)
    {
        var text = Measured(5, 0.4, 1, "healthy");
        Assert.Contains(old, text);

        Assert.Single(await With(Sick, text.Replace(old, now)).Messages("GRAD1001"));
    }

    [Fact]
    public async Task AnAttenuationIsNotRefutedByRatios() // Bias-free and small: all weights get the same little.
    {
        const string Code = """
            public class Net : Module<Tensor, Tensor>
            {
                private readonly Linear a = Linear(64, 64, hasBias: false), b = Linear(64, 64, hasBias: false), c = Linear(64, 64, hasBias: false), d = Linear(64, 8, hasBias: false);
                public Net() : base(nameof(Net))
                {
                    foreach (var layer in new[] { a, b, c, d })
                        init.normal_(layer.weight, 0, 0.001);
                    RegisterComponents();
                }
                public override Tensor forward(Tensor x) => d.forward(functional.relu(c.forward(functional.relu(b.forward(functional.relu(a.forward(x)))))));
            }
            """ + Trained;
        Assert.NotEmpty(await With(Code).Messages("GRAD1004"));

        Assert.NotEmpty(await With(Code, MeasuredProgram.File("Net", Row("a.weight", "healthy", 1), Row("b.weight", "healthy", 1), Row("c.weight", "healthy", 1), Row("d.weight", "healthy", 1))).Messages("GRAD1004"));
    }

    [Fact]
    public async Task StaleEvidenceNeitherReportsNorRefutes()
    {
        var text = Measured(6, 0.4, 1, "healthy");

        Assert.DoesNotContain("measured", Assert.Single(await With(Sick, text).Messages("GRAD1001")));
        Assert.Equal("run1.gradients.csv measured an earlier 'Net': it no longer has 'layers.10.weight' and 1 more. Train with the monitor again, or delete the file.", Assert.Single(await With(Sick, text).Messages("GRAD9004")));
        await With(Sick, Measured(6, 1e-6, 1, "vanishing")).IsSilent("GRAD9001");
    }

    [Theory]
    [InlineData("new Net(3); new Net(int.Parse(a[0]));")]
    [InlineData("new Net(3); Make(a.Length);")]
    [InlineData("new Net(3); Make(a.Length); Make(2);")]
    [InlineData("new Net(3); foreach (var depth in a.Select(int.Parse)) new Net(depth);")]
    [InlineData("new Net(3); Activator.CreateInstance(typeof(Net), int.Parse(a[0]));")]
    [InlineData("new Net(3); Func<int, Net> make = depth => new Net(depth); make(a.Length);")]
    [InlineData("new Net(3); new Net(Environment.ProcessorCount > 4 ? 6 : 3);")]
    public async Task WhereOneCreationIsNotKnownTheFileMayBeOfThatOne(string creations) => await With(OfDepth(creations), Layers(6)).IsSilent("GRAD9004");

    [Theory]
    [InlineData("new Net(3);")]
    [InlineData("var depth = 3; var net = new Net(depth);")]
    [InlineData("foreach (var depth in new[] { 2, 3 }) new Net(depth);")]
    [InlineData("new Net(a.Length > 0 ? 3 : 3);")]
    public async Task WhereAllCreationsAreKnownTheFileIsOfAnEarlierModel(string creations) =>
        Assert.Single(await With(OfDepth(creations), Layers(6)).Messages("GRAD9004"));

    [Fact]
    public async Task AModelWhosePredictionHasChangedSinceIsAnotherOne() // The fix with ReLU keeps all paths.
    {
        var program = With(Borderline, Measured(4, 1e-6, 1, "vanishing", predicted: 1e-7));

        await program.IsSilent("GRAD9001");
        Assert.StartsWith("run1.gradients.csv measured an earlier 'Net': for 'layers.0.weight' 1e-7 was predicted, now ", Assert.Single(await program.Messages("GRAD9004")));
    }

    [Fact]
    public async Task AParameterThatCameLaterMakesEvidenceStaleUnlessTheFileIsTorn()
    {
        Assert.Single(await With(Sick, Measured(4, 0.4, 1, "healthy")).Messages("GRAD9004"));
        await With(Sick, Measured(4, 0.4, 1, "healthy") + "layers.8.wei").IsSilent("GRAD9004");
    }

    [Fact]
    public async Task WhatIsMeasuredAndWasNotPredictedIsReportedWithBothFigures()
    {
        var program = With(Borderline, Measured(4, 3.8e-4, 1, "vanishing"));

        await program.Reports("GRAD9001");
        Assert.Matches(@"^'layers\.0' got 4e-4 of the gradient of 'layers\.6' over 1,000 steps \(predicted [0-9e.-]+\); use ReLU with Kaiming initialization, or BatchNorm", Assert.Single(await program.Messages("GRAD9001")));
    }

    [Fact]
    public async Task AFixPromisesWhatItIsExpectedToMakeOfTheMeasuredFigure()
    {
        var program = With(Borderline, Measured(4, 3.8e-4, 1, "vanishing"));

        Assert.StartsWith("Use ReLU with Kaiming initialization (measured 4e-4 -> ", (await program.Offers("GRAD9001"))[0]);
        Assert.Contains("kaiming_normal_", await program.Fixed("GRAD9001"));
        // So small a gradient has another reason than what the prediction knows: no fix that is known would do.
        Assert.Empty(await With(Borderline, Measured(4, 1e-9, 1, "vanishing")).Offers("GRAD9001"));
    }

    [Fact]
    public async Task OfSeveralTrainingsTheWorstCountsAndIsNamed()
    {
        var program = With(Sick, Measured(5, 0.4, 1, "healthy"), Measured(5, 2e-5, 1, "vanishing"));
        Assert.Contains(", measured 2e-5;", Assert.Single(await program.Messages("GRAD1001")));

        Assert.Contains("; run2.gradients.csv)", Assert.Single(await With(Borderline, Measured(4, 0.4, 1, "healthy"), Measured(4, 3e-4, 1, "vanishing")).Messages("GRAD9001")));
    }

    [Fact]
    public async Task ALayerThatExplodesIsReported()
    {
        var program = With(Borderline, Measured(4, 500, 1, "exploding"));

        await program.Reports("GRAD9002");
        Assert.StartsWith("'layers.0' got 500 times the gradient of 'layers.6' over 1,000 steps (predicted ", Assert.Single(await program.Messages("GRAD9002")));
        Assert.StartsWith("'layers.0' got a gradient of norm 1e8 over 1,000 steps; clip", Assert.Single(await With(Borderline, Measured(4, 1e8, 1e8, "exploding")).Messages("GRAD9002")));
        Assert.StartsWith("'layers.0' got an infinite gradient", Assert.Single(await With(Borderline, Measured(4, 1, 1, "exploding").Replace("layers.0.weight,exploding,10,1000,100,0,1,", "layers.0.weight,exploding,10,1000,100,0,Infinity,")).Messages("GRAD9002")));
    }

    [Theory]
    [InlineData("Sequential(Linear(4, 8), ReLU(), Linear(8, 1))", "x", "LeakyReLU()")]
    [InlineData("Sequential(Linear(4, 8), ReLU(inplace: true), Linear(8, 1))", "x", "LeakyReLU(inplace: true)")]
    [InlineData("Sequential(Linear(4, 4), Linear(4, 1))", "layers[1].call(functional.relu(layers[0].call(x)))", "functional.leaky_relu(layers[0].call(x))")]
    [InlineData("Sequential(Linear(4, 4), Linear(4, 1))", "layers[1].call(layers[0].call(x).relu())", "layers[0].call(x).leaky_relu(0.01)")]
    public async Task DeadUnitsGetALeakyRelu(string layers, string forward, string now)
    {
        var code = $$"""
            public class Net : Module<Tensor, Tensor>
            {
                private readonly Sequential layers = {{layers}};
                public Net() : base(nameof(Net)) => RegisterComponents();
                public override Tensor forward(Tensor x) => {{(forward == "x" ? "layers.call(x)" : forward)}};
            }
            """ + Trained;
        var last = forward == "x" ? "layers.2" : "layers.1";
        var program = new MeasuredProgram(code, ("Net.gradients.csv", MeasuredProgram.File("Net",
            Row("layers.0.weight", "dead", 0.001, zeroShare: 0.83), Row("layers.0.bias", "healthy", 0.001), Row(last + ".weight", "healthy", 0.3), Row(last + ".bias", "healthy", 0.3))));

        Assert.StartsWith("'layers.0' got no gradient at all in 83 % of its elements, over 1,000 steps", Assert.Single(await program.Messages("GRAD9003")));
        Assert.Contains(now, await program.Fixed("GRAD9003"));
    }

    [Fact]
    public async Task WithoutEvidenceNothingIsSaid()
    {
        foreach (var rule in new[] { "GRAD9001", "GRAD9002", "GRAD9003", "GRAD9004" })
            await new MeasuredProgram(Sick).IsSilent(rule);
    }
}
