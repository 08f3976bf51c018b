using Xunit;

namespace GradAnalyzers.Tests.Rules.HeldOut.Path;

/// <summary>GRAD3001 - GRAD3005 through in-house losses and Sequentials that are put together from a list, written before the rules looked there.</summary>
public sealed class LossesOfTheHouse
{
    private const string Classifier = """
        public sealed class Classifier : Module<Tensor, Tensor>
        {
            private readonly Linear _out = Linear(16, 4);
            public Classifier() : base("Classifier") => RegisterComponents();
            public override Tensor forward(Tensor x) => END;
        }

        public sealed class Weighted : Module<Tensor, Tensor, Tensor>
        {
            private readonly double _factor;
            public Weighted(double factor) : base("Weighted") { _factor = factor; RegisterComponents(); }
            public override Tensor forward(Tensor guess, Tensor truth)
            {
                var each = LOSS;
                return each.mean() * _factor;
            }
        }

        public sealed class Trainer
        {
            private readonly Classifier _model = new();
            private readonly Weighted _loss = new(0.5);

            public void Run(IEnumerable<(Tensor, Tensor)> data)
            {
                var optimizer = torch.optim.Adam(_model.parameters());
                foreach (var (x, y) in data)
                {
                    optimizer.zero_grad();
                    var guess = _model.call(x);
                    var error = CALL;
                    error.backward();
                    optimizer.step();
                }
            }
        }
        """;

    private static string With(string end, string loss, string call) => Classifier.Replace("END", end, StringComparison.Ordinal).Replace("LOSS", loss, StringComparison.Ordinal).Replace("CALL", call, StringComparison.Ordinal);

    [Theory]
    [InlineData("GRAD3001", "functional.softmax(_out.call(x), 1)", "functional.cross_entropy(guess, truth, reduction: nn.Reduction.None)", "[|_loss.call(guess, y)|]")]
    [InlineData("GRAD3001", "_out.call(x).softmax(-1)", "functional.cross_entropy(guess.flatten(0), truth)", "[|_loss.forward(guess, y)|]")]
    [InlineData("GRAD3004", "torch.sigmoid(_out.call(x))", "functional.binary_cross_entropy_with_logits(guess, truth)", "[|_loss.call(guess, y)|]")]
    [InlineData("GRAD3005", "functional.softmax(_out.call(x), 1)", "functional.nll_loss(guess, truth)", "[|_loss.call(guess, y)|]")]
    public Task ThePairIsFoundThroughTheModule(string id, string end, string loss, string call) => TrainingRules.Report(id, With(end, loss, call));

    [Theory]
    [InlineData("_out.call(x)", "functional.cross_entropy(guess, truth)", "_loss.call(guess, y)")]
    [InlineData("functional.log_softmax(_out.call(x), 1)", "functional.nll_loss(guess, truth)", "_loss.call(guess, y)")]
    [InlineData("functional.softmax(_out.call(x), 1)", "functional.mse_loss(guess, truth)", "_loss.call(guess, y)")]
    [InlineData("functional.softmax(_out.call(x), 1)", "functional.cross_entropy(truth, truth) + guess.mean()", "_loss.call(guess, y)")]
    public Task ARightPairIsFine(string end, string loss, string call) => TrainingRules.AreSilent(With(end, loss, call));

    private static string Listed(string layers) => Code.InMethod(layers + """

        var optimizer = torch.optim.SGD(net.parameters(), 0.1);
        foreach (var (a, b) in batches)
        {
            optimizer.zero_grad();
            var error = MARK;
            error.backward();
            optimizer.step();
        }
        """);

    [Theory]
    [InlineData("var layers = new List<(string, Module<Tensor, Tensor>)> { (\"in\", Linear(16, 8)), (\"out\", Linear(8, 4)), (\"end\", Softmax(1)) }; var net = Sequential(layers);")]
    [InlineData("var layers = new List<(string, Module<Tensor, Tensor>)>(); layers.Add((\"in\", Linear(16, 4))); layers.Add((\"end\", Softmax(1))); var net = Sequential(layers);")]
    [InlineData("var layers = new List<Module<Tensor, Tensor>>(); for (var i = 0; i < 3; i++) { layers.Add(Linear(16, 16)); layers.Add(ReLU()); } layers.Add(Softmax(-1)); var net = Sequential(layers.ToArray());")]
    [InlineData("var layers = new Module<Tensor, Tensor>[] { Linear(16, 4), Softmax(1) }; var net = Sequential(layers);")]
    public Task ASequentialOfAListEndsAsItsListDoes(string layers) => TrainingRules.Report("GRAD3001", Listed(layers).Replace("MARK", "[|functional.cross_entropy(net.call(a), b)|]", StringComparison.Ordinal));

    [Theory]
    [InlineData("var layers = new List<(string, Module<Tensor, Tensor>)>(); layers.Add((\"end\", Softmax(1))); layers.Add((\"in\", Linear(16, 4))); var net = Sequential(layers);")]
    [InlineData("var layers = new List<Module<Tensor, Tensor>> { Linear(16, 4) }; if (batches.Length == 0) layers.Add(Softmax(1)); var net = Sequential(layers.ToArray());")]
    [InlineData("var layers = new List<Module<Tensor, Tensor>> { Linear(16, 4), Softmax(1) }; layers.RemoveAt(1); var net = Sequential(layers.ToArray());")]
    [InlineData("var layers = new Module<Tensor, Tensor>[] { Linear(16, 4), Softmax(1) }; layers[1] = ReLU(); var net = Sequential(layers);")]
    public Task AnotherEndIsFine(string layers) => TrainingRules.AreSilent(Listed(layers).Replace("MARK", "functional.cross_entropy(net.call(a), b)", StringComparison.Ordinal));
}
