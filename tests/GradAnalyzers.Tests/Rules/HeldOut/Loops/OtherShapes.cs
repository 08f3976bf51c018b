using Xunit;

namespace GradAnalyzers.Tests.Rules.HeldOut.Loops;

/// <summary>Loops of other shapes, and recurrence that is unrolled by the trainer.</summary>
public sealed class OtherShapes
{
    private const string Cells = """
        public sealed class Cell : Module<Tensor, Tensor, Tensor>
        {
            private readonly Linear _mix = Linear(32, 16);
            public Cell() : base("Cell") => RegisterComponents();
            public override Tensor forward(Tensor x, Tensor h) => tanh(_mix.call(cat([x, h], 1)));
        }

        public sealed class TwoHeads : Module<Tensor, Tensor, (Tensor Output, Tensor Hidden)>
        {
            private readonly Linear _hidden = Linear(32, 16);
            private readonly Linear _output = Linear(32, 16);
            public TwoHeads() : base("TwoHeads") => RegisterComponents();
            public override (Tensor Output, Tensor Hidden) forward(Tensor x, Tensor h)
            {
                var both = cat([x, h], 1);
                return (functional.log_softmax(_output.call(both), 1), _hidden.call(both));
            }
        }

        """;

    private static string Train(string made, string loss, string optimizer, string step) => Cells + $$"""
        public static class Program
        {
            public static void Train(Tensor[] x, Tensor y)
            {
                {{made}}
                var optimizer = {{optimizer}};
                for (var epoch = 0; epoch < 10; epoch++)
                {
                    optimizer.zero_grad();
                    {{loss}}
                    {{step}}
                }
            }
        }
        """;

    [Theory]
    [InlineData("var cell = new Cell();", "var h = zeros(4, 16); for (var t = 0; t < x.Length; t++) h = cell.call(x[t], h); functional.mse_loss(h, y).backward();")]
    [InlineData("var cell = new Cell();", "var h = zeros(4, 16); foreach (var at in x) { h = cell.forward(at, h); } functional.mse_loss(h, y).backward();")]
    [InlineData("var cell = new TwoHeads();", "var hidden = zeros(4, 16); Tensor output = zeros(1); for (var t = 0; t < x.Length; t++) (output, hidden) = cell.call(x[t], hidden); functional.nll_loss(output, y).backward();")]
    [InlineData("var cell = new TwoHeads();", "var hidden = zeros(4, 16); var loss = zeros(1); for (var t = 0; t < x.Length - 1; t++) { var result = cell.call(x[t], hidden); hidden = result.Hidden; loss = loss + functional.nll_loss(result.Output, y); } loss.backward();")]
    [InlineData("var cell = nn.GRUCell(16, 16);", "var h = zeros(4, 16); foreach (var at in x) h = cell.call(at, h); functional.mse_loss(h, y).backward();")]
    [InlineData("var cell = nn.Sequential(nn.Linear(16, 16), nn.Tanh());", "var h = zeros(4, 16); foreach (var at in x) h = cell.call(h + at); functional.mse_loss(h, y).backward();")]
    [InlineData("var cell = new Cell();", "var h = x.Aggregate(zeros(4, 16), (state, at) => cell.call(at, state)); functional.mse_loss(h, y).backward();")]
    [InlineData("var cell = nn.RNNCell(16, 16);", "functional.mse_loss(x.Aggregate(zeros(4, 16), (state, at) => cell.call(at, state)), y).backward();")]
    [InlineData("var cell = new TwoHeads();", "var (output, _) = x.Aggregate((zeros(4, 16), zeros(4, 16)), (state, at) => cell.call(at, state.Item2)); functional.nll_loss(output, y).backward();")]
    [InlineData("var cell = new Cell(); Tensor Unroll(Tensor[] steps) { var h = zeros(4, 16); foreach (var at in steps) h = cell.call(at, h); return h; }", "functional.mse_loss(Unroll(x), y).backward();")]
    public async Task RecurrenceInTheTrainerIsReported(string made, string loss)
    {
        await TrainingRules.Report("GRAD2001", Train(made, loss, "torch.optim.SGD(cell.parameters(), 0.005)", "[|optimizer.step()|];"));
        await TrainingRules.Report("GRAD2001", Train(made, loss, "torch.optim.Adam(cell.parameters())", "[|optimizer.step()|];"));
        await TrainingRules.AreSilent(Train(made, loss, "torch.optim.Adam(cell.parameters())", "torch.nn.utils.clip_grad_norm_(cell.parameters(), 1.0); optimizer.step();"));
    }

    [Fact]
    public Task AModelThatFoldsOverTimeIsRecurrent() => TrainingRules.Report("GRAD2001", Cells + """
        public sealed class Reader : Module<Tensor, Tensor>
        {
            private readonly Cell _cell = new();
            public Reader() : base("Reader") => RegisterComponents();
            public override Tensor forward(Tensor x) => x.unbind(0).Aggregate(zeros(4, 16), (h, at) => _cell.call(at, h));
        }

        public static class Program
        {
            public static void Train(Tensor x, Tensor y)
            {
                var model = new Reader();
                var optimizer = torch.optim.Adam(model.parameters());
                optimizer.zero_grad();
                functional.mse_loss(model.call(x), y).backward();
                [|optimizer.step()|];
            }
        }
        """);

    [Theory]
    [InlineData("var cell = new Cell();", "foreach (var at in x) { var h = cell.call(at, zeros(4, 16)); functional.mse_loss(h, y).backward(); }")]
    [InlineData("var cell = new Mlp();", "var total = zeros(1); foreach (var at in x) total = total + cell.call(at).sum(); total.backward();")]
    [InlineData("var cell = new Mlp();", "var total = x.Aggregate(zeros(1), (sum, at) => sum + cell.call(at).sum()); total.backward();")]
    [InlineData("var cell = new Mlp(); var layers = new[] { nn.Linear(16, 16), nn.Linear(16, 16) };", "var h = x[0]; foreach (var layer in layers) h = layer.call(h).detach(); functional.mse_loss(cell.call(h), y).backward();")]
    [InlineData("var cell = new Mlp();", "var point = x[0]; using (no_grad()) { foreach (var at in x) point = cell.call(point); } functional.mse_loss(cell.call(point), y).backward();")]
    public Task ALoopWithoutAStateIsFine(string made, string loss) =>
        TrainingRules.AreSilent(Train(made, loss, "torch.optim.Adam(cell.parameters())", "optimizer.step();"));

    private static string Carried(string cut, string step) => Cells + Code.InMethod($$"""
        var cell = new Cell();
        var optimizer = torch.optim.Adam(cell.parameters());
        var h = zeros(4, 16);
        foreach (var (input, target) in batches)
        {
            {{(cut.StartsWith("first ", StringComparison.Ordinal) ? cut[6..] : "")}}
            optimizer.zero_grad();
            h = cell.call(input, h);
            {{step}}
            torch.nn.utils.clip_grad_norm_(cell.parameters(), 1.0);
            optimizer.step();
            {{(cut.StartsWith("first ", StringComparison.Ordinal) ? "" : cut)}}
        }
        """);

    [Theory]
    [InlineData("h.detach();")]
    [InlineData("first h.detach();")]
    [InlineData("_ = h.detach();")]
    [InlineData("Console.WriteLine(h.detach().mean().ToSingle());")]
    public Task ADiscardedDetachCutsNothing(string cut) => TrainingRules.Report("GRAD2005", Carried(cut, "[|functional.mse_loss(h, target).backward()|];"));

    [Theory]
    [InlineData("h = h.detach();")]
    [InlineData("first h = h.detach();")]
    [InlineData("h.detach_();")]
    [InlineData("h = h.detach().clone();")]
    public Task AKeptDetachIsFine(string cut) => TrainingRules.AreSilent(Carried(cut, "functional.mse_loss(h, target).backward();"));

    [Theory]
    [InlineData("Console.WriteLine")]
    [InlineData("Log.Info")]
    [InlineData("message => Console.Error.WriteLine(message)")]
    public Task ALoggerTouchesNoGradients(string logger) => TrainingRules.Report("GRAD2003", $$"""
        public static class Log
        {
            public static void Info(string message) => System.Diagnostics.Debug.WriteLine(message);
        }

        public static class Program
        {
            public static void Fit(Mlp model, Tensor x, Tensor y, Action<string> log)
            {
                var optimizer = torch.optim.Adam(model.parameters());
                for (var i = 0; i < 100; i++)
                {
                    var loss = functional.mse_loss(model.call(x), y);
                    loss.backward();
                    optimizer.step();
                    log($"{i}: {loss.ToSingle()}");
                }
            }

            public static void Run(Tensor x, Tensor y) => [|Fit(new Mlp(), x, y, {{logger}})|];
        }
        """);

    private const string Margins = """
        public sealed class Margin : Module<Tensor, Tensor, Tensor>
        {
            private readonly Parameter _centers = Parameter(randn(10, 16));
            public Margin() : base("Margin") => RegisterComponents();
            public override Tensor forward(Tensor x, Tensor y) => functional.cross_entropy(x.matmul(_centers.t()), y);
        }

        public sealed class Scaled : Loss<Tensor, Tensor, Tensor>
        {
            private readonly Parameter _scale;
            public Scaled() : base(Reduction.Mean)
            {
                _scale = new Parameter(ones(1));
                RegisterComponents();
            }
            public override Tensor forward(Tensor x, Tensor y) => functional.mse_loss(x * _scale, y);
        }

        public sealed class Registered : Module<Tensor, Tensor, Tensor>
        {
            public Registered() : base("Registered") => register_parameter("w", Parameter(randn(16)));
            public override Tensor forward(Tensor x, Tensor y) => ((x - y) * get_parameter("w")).pow(2).mean();
        }

        """;

    [Theory]
    [InlineData("new Margin()")]
    [InlineData("new Scaled()")]
    [InlineData("new Registered()")]
    public Task ALossWithParametersOfItsOwnHasToBeHeld(string loss)
    {
        string Loop(string parameters, string step) => Margins + Code.InMethod($$"""
            var model = new Mlp();
            var criterion = {{loss}};
            var optimizer = torch.optim.Adam({{parameters}});
            foreach (var (input, target) in batches)
            {
                optimizer.zero_grad();
                criterion.call(model.call(input), target).backward();
                {{step}}
            }
            """);
        return Task.WhenAll(
            TrainingRules.Report("GRAD2009", Loop("model.parameters()", "[|optimizer.step()|];")),
            TrainingRules.AreSilent(Loop("model.parameters().Concat(criterion.parameters())", "optimizer.step();")));
    }
}
