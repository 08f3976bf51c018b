using Xunit;

namespace GradAnalyzers.Tests.Rules.Training;

/// <summary>Clips in code of another assembly: what holds the model, its parameters or the optimizer may clip, and then nothing is said; what does not, changes nothing.</summary>
public sealed class UnseenCodeTests
{
    /// <summary>Another assembly, built on TorchSharp, that no catalogue describes.</summary>
    private const string Library = """
        namespace Unseen;

        public interface IClipper { void Clip(); }
        public sealed class Clipper : IClipper
        {
            public Clipper() { }
            public Clipper(torch.nn.Module model, double limit = 1.0) { }
            public Clipper(IEnumerable<Parameter> parameters) { }
            public torch.nn.Module Model { get; set; }
            public static Clipper For(torch.nn.Module model) => new(model);
            public Clipper Watch(torch.nn.Module model) => this;
            public void Clip() { }
        }
        public static class Gradients
        {
            public static void Clip(torch.nn.Module model) { }
            public static void Clip(IEnumerable<Parameter> parameters) { }
            public static void ClipOne(Parameter parameter) { }
            public static IDisposable Hook(torch.nn.Module model) => null;
        }
        public sealed class ClippingHook(torch.nn.Module model) : IDisposable { public void Dispose() { } }
        public sealed class Runner(Action action) { public void Run() => action(); }
        public sealed class ClippedAdam(IEnumerable<Parameter> parameters) : torch.optim.Optimizer(System.IntPtr.Zero) { public override Tensor step(Func<Tensor> closure = null) => null; }
        public sealed class Progress(int total) { public void Report(double loss) { } public void Show(object what) { } }
        public static class Log { public static void Write(string text) { } }
        """;

    public static TheoryData<string, string> Unseen { get; } = new()
    {
        { "static helper", Loop("", "Gradients.Clip(model);") },
        { "static helper, parameters", Loop("", "Gradients.Clip(model.parameters());") },
        { "each parameter", Loop("", "foreach (var p in model.parameters()) Gradients.ClipOne(p);") },
        { "object", Loop("var clipper = new Clipper(model);", "clipper.Clip();") },
        { "object, parameters", Loop("var clipper = new Clipper(model.parameters());", "clipper.Clip();") },
        { "object, list", Loop("var all = model.parameters().ToList(); var clipper = new Clipper(all);", "clipper.Clip();") },
        { "interface", Loop("IClipper clipper = new Clipper(model, 5.0);", "clipper.Clip();") },
        { "factory", Loop("var clipper = Clipper.For(model);", "clipper.Clip();") },
        { "fluent", Loop("var clipper = new Clipper().Watch(model);", "clipper.Clip();") },
        { "told later", Loop("var clipper = new Clipper(); clipper.Watch(model);", "clipper.Clip();") },
        { "initializer", Loop("var clipper = new Clipper { Model = model };", "clipper.Clip();") },
        { "assigned later", Loop("var clipper = new Clipper(); clipper.Model = model;", "clipper.Clip();") },
        { "may be null", Loop("Clipper clipper = batches.Length > 3 ? new Clipper(model) : null;", "clipper?.Clip();") },
        { "several", Loop("var clippers = new List<IClipper> { new Clipper(model) };", "foreach (var clipper in clippers) clipper.Clip();") },
        { "made in the loop", Loop("", "new Clipper(model).Clip();") },
        { "hook object", Loop("using var hook = new ClippingHook(model);", "") },
        { "runs a function", Loop("var runner = new Runner(() => nn.utils.clip_grad_norm_(model.parameters(), 1.0));", "runner.Run();") },
        { "optimizer of its own", Loop("", "").Replace("torch.optim.Adam(", "new ClippedAdam(") },
        { "helper of the program", Loop("", "Helper.Limit(model);") + "static class Helper { public static void Limit(Module<Tensor, Tensor> model) => Gradients.Clip(model); }" },
        { "helper two deep", Loop("", "Helper.Limit(model);") + "static class Helper { public static void Limit(Module<Tensor, Tensor> model) => Inner(model); static void Inner(Module<Tensor, Tensor> m) { Gradients.Clip(m); } }" },
        { "wrapper of the program", Loop("var limit = new Limit(model);", "limit.Apply();") + "sealed class Limit(Module<Tensor, Tensor> model) { private readonly Clipper _inner = new(model); public void Apply() => _inner.Clip(); }" },
        { "given from outside", """
            public sealed class Trainer(CharRnn model, IClipper clipper)
            {
                private readonly torch.optim.Optimizer _optimizer = torch.optim.Adam(model.parameters());
                public void Train((Tensor X, Tensor Y)[] batches)
                {
                    foreach (var (x, y) in batches)
                    {
                        _optimizer.zero_grad();
                        functional.mse_loss(model.forward(x), y).backward();
                        clipper.Clip();
                        _optimizer.step();
                    }
                }
            }
            """ },
        { "field", """
            public sealed class Trainer
            {
                private readonly CharRnn _model = new();
                private readonly torch.optim.Optimizer _optimizer;
                private readonly Clipper _clipper;
                public Trainer() { _optimizer = torch.optim.SGD(_model.parameters(), 0.1); _clipper = new Clipper(_model); }
                public void Step(Tensor x, Tensor y)
                {
                    _optimizer.zero_grad();
                    functional.mse_loss(_model.forward(x), y).backward();
                    _clipper.Clip();
                    _optimizer.step();
                }
            }
            """ },
    };

    /// <summary>Objects that cannot clip, or calls that come when there is nothing to clip.</summary>
    public static TheoryData<string, string> Harmless { get; } = new()
    {
        { "progress", Loop("var progress = new Progress(10);", "progress.Report(loss.item<float>());", isReported: true) },
        { "progress shows the loss", Loop("var progress = new Progress(10);", "progress.Show(loss);", isReported: true) },
        { "log", Loop("", "Log.Write($\"{loss.item<float>()}\");", isReported: true) },
        { "helper after the step", Loop("", "", "Gradients.Clip(model);", isReported: true) },
        { "watch", Loop("var watch = System.Diagnostics.Stopwatch.StartNew();", "Console.WriteLine(watch.Elapsed);", isReported: true) },
        { "helper of the program that writes", Loop("", "Helper.Show(model, loss);", isReported: true) + "static class Helper { public static void Show(Module<Tensor, Tensor> m, Tensor l) => Log.Write(m.GetName() + l.item<float>()); }" },
    };

    [Theory]
    [MemberData(nameof(Unseen))]
    public async Task WhatIsNotSeenAndHoldsTheModelMayClip(string form, string code)
    {
        Assert.NotEmpty(form);
        await TrainingRules.AreSilent(Header + code, libraries: [Library]);
    }

    [Theory]
    [MemberData(nameof(Harmless))]
    public async Task WhatHoldsNothingDoesNot(string form, string code)
    {
        Assert.NotEmpty(form);
        await TrainingRules.Report("GRAD2001", Header + code, libraries: [Library]);
    }

    /// <summary>The library's images, by the name of their assembly.</summary>
    private const string Vision = """
        // TorchVision
        namespace Pictures;

        public interface ITransform : torch.nn.IModule<Tensor, Tensor> { }
        public static class Transforms
        {
            public static ITransform Compose(params ITransform[] transforms) => null;
            public static ITransform HorizontalFlip() => null;
            public static Module<Tensor, Tensor> Pretrained() => null;
        }
        public static class Datasets { public static IEnumerable<(Tensor X, Tensor Y)> Read(string root, ITransform transform = null) => null; }
        """;

    /// <summary>Transforms are modules, and what makes and takes them is no code that clips or clears.</summary>
    [Theory]
    [InlineData("var data = Datasets.Read(\"data\", Transforms.Compose(Transforms.HorizontalFlip()));")]
    [InlineData("var transform = Transforms.HorizontalFlip(); var data = Datasets.Read(\"data\", transform);")]
    [InlineData("var data = Augmented.Read(\"data\");")]
    public Task TheLibrarysOwnPicturesTouchNoGradients(string data) => TrainingRules.Report("GRAD2003", Pictured(data, "[|optimizer.step()|];"), libraries: [Vision]);

    [Theory]
    [InlineData("var data = Datasets.Read(\"data\", Transforms.Compose(Transforms.HorizontalFlip()));", "optimizer.step(); optimizer.zero_grad();")]
    [InlineData("var data = Augmented.Read(\"data\");", "optimizer.step(); model.zero_grad();")]
    public Task WhatIsClearedAmongThemIsFine(string data, string step) => TrainingRules.AreSilent(Pictured(data, step), libraries: [Vision]);

    /// <summary>The same from any other assembly may do anything.</summary>
    [Theory]
    [InlineData("var data = Datasets.Read(\"data\", Transforms.Compose(Transforms.HorizontalFlip()));")]
    [InlineData("var data = Augmented.Read(\"data\");")]
    public Task ThoseOfAnotherAssemblyMay(string data) => TrainingRules.AreSilent(Pictured(data, "optimizer.step(); Transforms.Compose();"), libraries: [Vision.Replace("// TorchVision", "// Other", StringComparison.Ordinal)]);

    private static string Pictured(string data, string step) => "using Pictures;\n" + Code.InMethod($$"""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        for (var epoch = 0; epoch < 5; epoch++)
        {
            {{data}}
            foreach (var (input, target) in data)
            {
                functional.mse_loss(model.forward(input), target).backward();
                {{step}}
            }
        }
        """) + """

        public static class Augmented
        {
            public static IEnumerable<(Tensor X, Tensor Y)> Read(string root) => Datasets.Read(root, Flips());

            private static ITransform Flips() => Transforms.Compose(Transforms.HorizontalFlip());
        }
        """;

    private const string Header = "using Unseen;\n";

    private static string Loop(string before, string clip, string after = "", bool isReported = false) => Code.InMethod($$"""
        var model = new CharRnn();
        var optimizer = torch.optim.Adam(model.parameters());
        {{before}}
        foreach (var (input, target) in batches)
        {
            optimizer.zero_grad();
            var loss = functional.mse_loss(model.forward(input), target);
            loss.backward();
            {{clip}}
            {{(isReported ? "[|optimizer.step()|]" : "optimizer.step()")}};
            {{after}}
        }
        """) + "\n";
}
