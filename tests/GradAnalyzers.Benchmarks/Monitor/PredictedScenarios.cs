using GradAnalyzers.Detection;
using GradAnalyzers.Monitor;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace GradAnalyzers.Benchmarks.Monitor.Predicted;

/// <summary>Trainings of models whose gradients the build predicts: as one trains them, and ones that are not what the source shows.</summary>
internal static class PredictedScenarios
{
    private static readonly AlertKind[] Departs = [AlertKind.DepartsFromPrediction];

    public static IEnumerable<Scenario> Healthy =>
    [
        new("pictures", "digits, Adam", () => Fit(new DigitsNet(), Adam(1e-3), Tasks.Images())),
        new("pictures", "digits, pixels from 0 to 1, SGD", () => Fit(new DigitsNet(), Sgd(0.05), Pixels())),
        new("pictures", "BatchNorm, Adam", () => Fit(new Pictures(), Adam(1e-3), Tasks.Images())),
        new("pictures", "BatchNorm, pixels from 0 to 1, momentum", () => Fit(new Pictures(), Sgd(0.05), Pixels())),
        new("pictures", "strided, AdamW", () => Fit(new StridedPictures(), Adam(2e-3), Tasks.Images())),
        new("pictures", "residual, Adam 1e-2", () => Fit(new ResidualPictures(), Adam(1e-2), Tasks.Images())),
        new("pictures", "residual, pixels from 0 to 1", () => Fit(new ResidualPictures(), Sgd(0.1), Pixels())),
        new("tables", "four classes", () => Fit(new Tabular(4), Adam(1e-3), Tasks.Classification())),
        new("tables", "regression", () => Fit(new Tabular(1), Adam(1e-3), Tasks.Regression())),
        new("tables", "regression, targets of 100", () => Fit(new Tabular(1), Adam(1e-2), Tasks.Regression(scale: 100))),
        new("tables", "columns of ones and zeros", () => Fit(new Tabular(4), Adam(3e-3), Flags())),
        new("tables", "columns of unequal size", () => Fit(new Tabular(4), Adam(1e-3), Uneven())),
        new("tables", "mostly empty columns", () => Fit(new Tabular(4), Adam(3e-3), Sparse())),
        new("tables", "tanh, Xavier, SGD", () => Fit(new XavierTanh(), Sgd(0.05), Tasks.Regression())),
        new("tables", "tanh, as it comes, Adam", () => Fit(new StandardTanh(), Adam(3e-3), Tasks.Regression())),
        new("tables", "Kaiming, eight layers", () => Fit(new KaimingStack(8), Adam(1e-3), Tasks.Classification())),
        new("tables", "Kaiming, eight layers, SGD 0.1", () => Fit(new KaimingStack(8), Sgd(0.1), Tasks.Classification())),
        new("tables", "BatchNorm, six layers", () => Fit(new NormedStack(6), Adam(1e-2), Tasks.Classification())),
        new("tables", "BatchNorm, six layers, ones and zeros", () => Fit(new NormedStack(6), Sgd(0.1), Flags())),
        new("tables", "residual, LayerNorm first", () => Fit(new PreNormResidual(), Adam(1e-3), Tasks.Classification())),
        new("tables", "residual, LayerNorm first, unequal columns", () => Fit(new PreNormResidual(), Adam(3e-3), Uneven())),
        new("tables", "SELU", () => Fit(new SeluNet(), Sgd(0.01), Tasks.Regression())),
        new("tables", "one sigmoid", () => Fit(new ShallowSigmoid(), Adam(3e-3), Tasks.Regression())),
        new("tables", "joined features", () => Fit(new DenselyJoined(), Adam(3e-3), Tasks.Classification())),
        new("tables", "wide and narrow", () => Fit(new WideAndNarrow(), Adam(3e-3), Tasks.Classification())),
        new("tables", "gates", () => Fit(new Gated(), Adam(3e-3), Tasks.Classification())),
        new("tables", "few examples, one batch of 200", () => Fit(new Tabular(1), Adam(1e-3), Fixed(Tasks.Regression(200)))),
        new("tables", "batch of one", () => Fit(new Tabular(1), Sgd(0.005), Tasks.Regression(1))),
        new("others", "codec", () => Fit(new Codec(), Adam(2e-3), Answering(Tasks.Classification(), x => x))),
        new("others", "waveform", () => Fit(new Waveform(), Adam(2e-3), Waves())),
        new("others", "words", () => Fit(new WordAverage(), Adam(1e-2), Words())),
        new("others", "values of actions", () => Fit(new Dueling(), Adam(1e-3), Answering(Tasks.Regression(), x => x[.., ..4].abs()))),
        new("others", "generator to fixed pictures", () => Fit(new Generator(), Adam(2e-3), Made())),
        new("others", "small transformer", () => Fit(new SmallTransformer(), Adam(2e-3), Tokens())),
        new("resumed after 300 steps", "digits", () => Resumed(Fit(new DigitsNet(), Adam(1e-3), Tasks.Images()))),
        new("resumed after 300 steps", "BatchNorm", () => Resumed(Fit(new Pictures(), Adam(3e-3), Tasks.Images()))),
        new("resumed after 300 steps", "residual pictures", () => Resumed(Fit(new ResidualPictures(), Adam(1e-2), Tasks.Images()))),
        new("resumed after 300 steps", "four classes", () => Resumed(Fit(new Tabular(4), Adam(3e-3), Tasks.Classification()))),
        new("resumed after 300 steps", "tanh, Xavier", () => Resumed(Fit(new XavierTanh(), Sgd(0.05), Tasks.Regression()))),
        new("resumed after 300 steps", "residual, LayerNorm first", () => Resumed(Fit(new PreNormResidual(), Adam(1e-3), Tasks.Classification()))),
        new("resumed after 300 steps", "learned by heart", () => Resumed(Fit(new Tabular(1), Adam(3e-3), Fixed(Tasks.Regression())))),
        new("resumed after 300 steps", "words", () => Resumed(Fit(new WordAverage(), Adam(1e-2), Words()))),
        new("faults as predicted", "five sigmoids, Adam", () => Fit(new DeepSigmoid(), Adam(1e-3), Tasks.Classification())),
        new("faults as predicted", "five sigmoids, SGD", () => Fit(new DeepSigmoid(), Sgd(0.1), Tasks.Classification())),
    ];

    public static IEnumerable<Scenario> Faulty =>
    [
        Off("unscaled", "pixels to 255, digits", () => Fit(new DigitsNet(), Adam(1e-3), Pixels(255))),
        Off("unscaled", "pixels to 255, BatchNorm", () => Fit(new Pictures(), Adam(1e-3), Pixels(255))),
        Off("unscaled", "inputs of 100, ReLU", () => Fit(new Tabular(4), Adam(1e-3), Tasks.Classification(scale: 100))),
        Off("unscaled", "inputs of 100, tanh", () => Fit(new StandardTanh(), Adam(1e-3), Of(Tasks.Regression(), x => x * 100))),
        Off("unscaled", "inputs of 1000, tanh, Xavier", () => Fit(new XavierTanh(), Adam(1e-3), Of(Tasks.Regression(), x => x * 1000))),
        Off("unscaled", "inputs of 1000, one sigmoid", () => Fit(new ShallowSigmoid(), Adam(1e-3), Of(Tasks.Regression(), x => x * 1000))),
        Off("unscaled", "inputs of 0.001, tanh", () => Fit(new StandardTanh(), Adam(1e-3), Of(Tasks.Regression(), x => x / 1000))),
        Off("unscaled", "inputs of 1000, residual", () => Fit(new PreNormResidual(), Adam(1e-3), Of(Tasks.Classification(), x => x * 1000))),
        Off("unscaled", "years, as they are, tanh", () => Fit(new StandardTanh(), Adam(1e-3), Of(Tasks.Regression(), x => x * 10 + 2000))),
        Off("initialized elsewhere", "loaded, std 1, tanh", () => Fit(Loaded(new StandardTanh(), w => w.normal_(0, 1)), Adam(1e-3), Tasks.Regression())),
        Off("initialized elsewhere", "loaded, std 0.01, Kaiming stack", () => Fit(Loaded(new KaimingStack(8), w => w.normal_(0, 0.01)), Adam(1e-3), Tasks.Classification())),
        Off("initialized elsewhere", "loaded, std 1, ReLU", () => Fit(Loaded(new Tabular(4), w => w.normal_(0, 1)), Adam(1e-3), Tasks.Classification())),
        Off("initialized elsewhere", "loaded, std 0.02, digits", () => Fit(Loaded(new DigitsNet(), w => w.normal_(0, 0.02)), Adam(1e-3), Tasks.Images())),
        Off("initialized elsewhere", "loaded, first layer 1e-3 of its size", () => Fit(Loaded(new Tabular(4), null, "l1", 1e-3), Adam(1e-3), Tasks.Classification())),
        Off("initialized elsewhere", "loaded, third layer 1e-4 of its size", () => Fit(Loaded(new Tabular(4), null, "l3", 1e-4), Adam(1e-3), Tasks.Classification())),
        Off("initialized elsewhere", "loaded, third layer 1000 times its size", () => Fit(Loaded(new StandardTanh(), null, "c", 1000), Adam(1e-3), Tasks.Regression())),
        Off("initialized elsewhere", "loaded, head at zero", () => Fit(Loaded(new Tabular(4), null, "l5", 0), Adam(1e-3), Tasks.Classification())),
        Off("initialized elsewhere", "loaded, dead third layer", () => Fit(Loaded(new Tabular(4), null, "l3.bias", -100), Adam(1e-3), Tasks.Classification())),
    ];

    private static Scenario Off(string family, string name, Func<Setup> create) => new(family, name, create) { Expected = Departs };

    private static Func<IEnumerable<Parameter>, optim.Optimizer> Adam(double rate) => p => optim.Adam(p, rate);

    private static Func<IEnumerable<Parameter>, optim.Optimizer> Sgd(double rate) => p => optim.SGD(p, rate, 0.9);

    private static Setup Fit(nn.Module<Tensor, Tensor> model, Func<IEnumerable<Parameter>, optim.Optimizer> optimizer, Func<(Tensor X, Tensor Y)> data) =>
        new(model, optimizer(model.parameters()), () => { var (x, y) = data(); return y.is_floating_point() ? mse_loss(model.call(x), y) : cross_entropy(model.call(x), y); });

    /// <summary>The monitor comes to a training that has gone on for a while: fine-tuning, or a checkpoint.</summary>
    private static Setup Resumed(Setup setup)
    {
        for (var i = 0; i < 300; i++)
        {
            using var scope = NewDisposeScope();
            setup.Optimizer.zero_grad();
            setup.Loss().backward();
            setup.Optimizer.step();
        }
        return setup;
    }

    private static Func<(Tensor X, Tensor Y)> Of(Func<(Tensor X, Tensor Y)> data, Func<Tensor, Tensor> change) => () => { var (x, y) = data(); return (change(x), y); };

    private static Func<(Tensor X, Tensor Y)> Answering(Func<(Tensor X, Tensor Y)> data, Func<Tensor, Tensor> answer) => () => { var (x, _) = data(); return (x, answer(x)); };

    private static Func<(Tensor X, Tensor Y)> Fixed(Func<(Tensor X, Tensor Y)> data)
    {
        var once = data();
        return () => once;
    }

    private static Func<(Tensor X, Tensor Y)> Pixels(double to = 1) => Of(Tasks.Images(), x => (x / 4 + 0.5).clamp(0, 1) * to);

    private static Func<(Tensor X, Tensor Y)> Flags()
    {
        var centres = rand(4, 16);
        return () => { var y = randint(4, [32], ScalarType.Int64); return ((rand(32, 16) < centres[y]).to(ScalarType.Float32), y); };
    }

    private static Func<(Tensor X, Tensor Y)> Uneven()
    {
        var sizes = pow(10, rand(16) * 2 - 1);
        return Of(Tasks.Classification(), x => x * sizes);
    }

    private static Func<(Tensor X, Tensor Y)> Sparse() => Of(Tasks.Classification(), x => x * (rand_like(x) < 0.1).to(ScalarType.Float32));

    private static Func<(Tensor X, Tensor Y)> Waves() => () =>
    {
        var y = randint(3, [24], ScalarType.Int64);
        var time = arange(48).to(ScalarType.Float32).unsqueeze(0);
        return (((time * (0.2 + 0.3 * y.unsqueeze(1)) + 6 * rand(24, 1)).sin() + 0.3 * randn(24, 48)).unsqueeze(1), y);
    };

    private static Func<(Tensor X, Tensor Y)> Words() => () =>
    {
        var y = randint(2, [32], ScalarType.Int64);
        return (cat([randint(20, [32, 4], ScalarType.Int64) + 20 * y.unsqueeze(1), randint(100, [32, 8], ScalarType.Int64)], 1), y);
    };

    private static Func<(Tensor X, Tensor Y)> Tokens() => () =>
    {
        var x = randn(24, 8, 16);
        return (x, x[.., .., ..4].mean([1L]).argmax(1));
    };

    private static Func<(Tensor X, Tensor Y)> Made()
    {
        var (z, y) = (randn(24, 8), Tasks.Images(24)().X.tanh());
        return () => (z, y);
    }

    /// <summary>Weights as a file would bring them: the source does not show what they are.</summary>
    private static T Loaded<T>(T model, Action<Tensor>? all, string one = "", double factor = 1) where T : nn.Module<Tensor, Tensor>
    {
        using var unrecorded = no_grad();
        var state = model.state_dict();
        foreach (var (_, value) in state.Where(s => s.Value.dim() > 1 && s.Value.is_floating_point()))
            all?.Invoke(value);
        foreach (var (_, value) in state.Where(s => one.Length > 0 && (one.Contains('.') ? s.Key == one : s.Key.StartsWith(one + ".weight"))))
            _ = one.Contains('.') ? value.fill_(factor) : value.mul_(factor);
        return model;
    }
}
