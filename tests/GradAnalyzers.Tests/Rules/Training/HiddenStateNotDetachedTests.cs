using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Training.HiddenStateNotDetached, GradAnalyzers.CodeFixes.HiddenStateNotDetachedFixer>;

namespace GradAnalyzers.Tests.Rules.Training;

public sealed class HiddenStateNotDetachedTests
{
    private const string Model = """
        public sealed class StateRnn : Module<Tensor, Tensor, (Tensor, Tensor)>
        {
            private readonly TorchSharp.Modules.GRU _gru = nn.GRU(16, 32, batchFirst: true);
            private readonly TorchSharp.Modules.Linear _head = nn.Linear(32, 16);
            public StateRnn() : base("StateRnn") => RegisterComponents();
            public override (Tensor, Tensor) forward(Tensor x, Tensor h)
            {
                var (output, state) = _gru.call(x, h);
                return (_head.forward(output), state);
            }
        }


        """;

    /// <summary>A loop over batches with a model that takes and gives its state.</summary>
    private static string Loop(string round, string before = "var h = torch.zeros(1, 4, 32);") => Model + Code.InMethod($$"""
        var model = new StateRnn();
        var optimizer = torch.optim.Adam(model.parameters());
        {{before}}
        for (var i = 0; i < batches.Length; i++)
        {
            {{round.ReplaceLineEndings("\n    ")}}
        }
        """);

    private const string Update = "optimizer.zero_grad(); loss.backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.step();";

    private const string Reported = "optimizer.zero_grad(); [|loss.backward()|]; torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.step();";

    [Fact]
    public Task TheStateIsDetachedBeforeItIsUsedAgain() => Verify.Fixes(
        Loop("""
        Tensor output;
        // with the state of the last batch
        (output, h) = model.forward(batches[i].X, h);
        var loss = functional.mse_loss(output, batches[i].Y);
        optimizer.zero_grad();
        [|loss.backward()|];
        optimizer.step();
        """),
        Loop("""
        Tensor output;
        h = h.detach();
        // with the state of the last batch
        (output, h) = model.forward(batches[i].X, h);
        var loss = functional.mse_loss(output, batches[i].Y);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        """));

    [Fact]
    public Task AStateThatBeginsAsNullIsDetachedWhereItExists() => Verify.Fixes(
        Code.InMethod("""
        var gru = nn.GRU(16, 16);
        var optimizer = torch.optim.Adam(gru.parameters());
        Tensor? state = null;
        foreach (var (input, target) in batches)
        {
            var (output, next) = gru.call(input, state);
            state = next;
            optimizer.zero_grad();
            [|functional.mse_loss(output, target).backward()|];
            optimizer.step();
        }
        """),
        Code.InMethod("""
        var gru = nn.GRU(16, 16);
        var optimizer = torch.optim.Adam(gru.parameters());
        Tensor? state = null;
        foreach (var (input, target) in batches)
        {
            state = state?.detach();
            var (output, next) = gru.call(input, state);
            state = next;
            optimizer.zero_grad();
            functional.mse_loss(output, target).backward();
            optimizer.step();
        }
        """));

    [Fact]
    public Task ALoopOverTimeInsideABatchKeepsItsHistory() => Verify.Fixes(
        Code.InMethod("""
        var cell = nn.GRUCell(16, 16);
        var optimizer = torch.optim.Adam(cell.parameters());
        var h = torch.zeros(4, 16);
        foreach (var (input, target) in batches)
        {
            for (var t = 0; t < input.shape[0]; t++)
                h = cell.forward(input[t], h);
            var loss = functional.mse_loss(h, target);
            optimizer.zero_grad();
            [|loss.backward()|];
            optimizer.step();
        }
        """),
        Code.InMethod("""
        var cell = nn.GRUCell(16, 16);
        var optimizer = torch.optim.Adam(cell.parameters());
        var h = torch.zeros(4, 16);
        foreach (var (input, target) in batches)
        {
            h = h.detach();
            for (var t = 0; t < input.shape[0]; t++)
                h = cell.forward(input[t], h);
            var loss = functional.mse_loss(h, target);
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();
        }
        """));

    [Fact]
    public Task TwoStatesOfALongShortTermMemoryAreBothDetached() => Verify.Fixes(
        Code.InMethod("""
        var cell = nn.LSTMCell(16, 16);
        var optimizer = torch.optim.Adam(cell.parameters());
        var h = torch.zeros(4, 16);
        var c = torch.zeros(4, 16);
        foreach (var (input, target) in batches)
        {
            (h, c) = cell.call(input, (h, c));
            optimizer.zero_grad();
            [|functional.mse_loss(h, target).backward()|];
            optimizer.step();
        }
        """),
        Code.InMethod("""
        var cell = nn.LSTMCell(16, 16);
        var optimizer = torch.optim.Adam(cell.parameters());
        var h = torch.zeros(4, 16);
        var c = torch.zeros(4, 16);
        foreach (var (input, target) in batches)
        {
            h = h.detach();
            c = c.detach();
            (h, c) = cell.call(input, (h, c));
            optimizer.zero_grad();
            functional.mse_loss(h, target).backward();
            optimizer.step();
        }
        """));

    [Fact]
    public Task ATopLevelProgramIsFixed() => Verify.Fixes(
        """
        var gru = nn.GRU(16, 16);
        var optimizer = torch.optim.Adam(gru.parameters());
        var h = torch.zeros(1, 4, 16);
        for (var i = 0; i < 5; i++)
        {
            Tensor output;
            (output, h) = gru.call(torch.rand(3, 4, 16), h);
            optimizer.zero_grad();
            [|output.sum().backward()|];
            optimizer.step();
        }
        """,
        """
        var gru = nn.GRU(16, 16);
        var optimizer = torch.optim.Adam(gru.parameters());
        var h = torch.zeros(1, 4, 16);
        for (var i = 0; i < 5; i++)
        {
            Tensor output;
            h = h.detach();
            (output, h) = gru.call(torch.rand(3, 4, 16), h);
            optimizer.zero_grad();
            output.sum().backward();
            optimizer.step();
        }
        """, isProgram: true);

    [Fact]
    public Task AStateInATupleIsReportedWithoutAFix() => Verify.OffersNoFix(Code.InMethod("""
        var lstm = nn.LSTM(16, 16);
        var optimizer = torch.optim.Adam(lstm.parameters());
        (Tensor, Tensor) state = (torch.zeros(1, 4, 16), torch.zeros(1, 4, 16));
        foreach (var (input, target) in batches)
        {
            var (output, hn, cn) = lstm.call(input, state);
            state = (hn, cn);
            optimizer.zero_grad();
            [|functional.mse_loss(output, target).backward()|];
            optimizer.step();
        }
        """));

    [Theory]
    [InlineData("Tensor output; (output, h) = model.forward(batches[i].X, h); var loss = functional.mse_loss(output, batches[i].Y);")]
    [InlineData("Tensor output; (output, h) = model.call(batches[i].X, h); var loss = functional.mse_loss(output, batches[i].Y);")]
    [InlineData("var (output, next) = model.forward(batches[i].X, h); h = next; var loss = functional.mse_loss(output, batches[i].Y);")]
    [InlineData("var result = model.forward(batches[i].X, h); h = result.Item2; var loss = functional.mse_loss(result.Item1, batches[i].Y);")]
    [InlineData("var result = model.forward(batches[i].X, h * 0.9); h = result.Item2.clone(); var loss = functional.mse_loss(result.Item1, batches[i].Y);")]
    [InlineData("using var scope = torch.NewDisposeScope(); Tensor output; (output, h) = model.forward(batches[i].X, h); h.MoveToOuterDisposeScope(); var loss = functional.mse_loss(output, batches[i].Y);")]
    [InlineData("var (output, next) = model.forward(batches[i].X, h.to(torch.CPU)); h = next.contiguous(); var loss = functional.cross_entropy(output.reshape(-1, 16), batches[i].Y.view(-1));")]
    public Task ACarriedStateIsReported(string forward) => TrainingRules.Report("GRAD2005", Loop($"{forward} {Reported}"));

    [Fact]
    public Task ATrainerClassIsReported() => TrainingRules.Report("GRAD2005", Model + """
        public sealed class Trainer
        {
            private readonly StateRnn _model = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_model.parameters());

            public async Task Fit(IAsyncEnumerable<(Tensor X, Tensor Y)> batches)
            {
                var hidden = torch.zeros(1, 4, 32);
                await foreach (var (x, y) in batches)
                {
                    Tensor output;
                    (output, hidden) = _model.call(x, hidden);
                    _optimizer.zero_grad();
                    using var loss = functional.mse_loss(output, y);
                    [|loss.backward()|];
                    torch.nn.utils.clip_grad_norm_(_model.parameters(), 1.0);
                    _optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task ABackwardInAHelperIsReportedWhereItIsCalled() => TrainingRules.Report("GRAD2005", Model + """
        public sealed class Trainer(StateRnn model, torch.optim.Optimizer optimizer)
        {
            public void Fit((Tensor X, Tensor Y)[] batches)
            {
                var hidden = torch.zeros(1, 4, 32);
                foreach (var (x, y) in batches)
                {
                    Tensor output;
                    (output, hidden) = model.call(x, hidden);
                    [|Optimize(functional.mse_loss(output, y))|];
                }
            }

            private void Optimize(Tensor loss)
            {
                optimizer.zero_grad();
                loss.backward();
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task ALocalFunctionIsReported() => TrainingRules.Report("GRAD2005", Model + """
        public static class Program
        {
            public static void Run(StateRnn model, torch.optim.Optimizer optimizer, Tensor[] inputs)
            {
                void Epoch()
                {
                    var h = torch.zeros(1, 4, 32);
                    foreach (var input in inputs)
                    {
                        Tensor output;
                        (output, h) = model.forward(input, h);
                        optimizer.zero_grad();
                        [|output.sum().backward()|];
                        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                        optimizer.step();
                    }
                }
                Epoch();
            }
        }
        """);

    [Theory]
    [InlineData("loss.backward()", "the second batch throws 'Trying to backward through the graph a second time'")]
    [InlineData("loss.backward(retain_graph: true)", "the retained graph grows with every batch")]
    public async Task TheMessageSaysWhatHappens(string backward, string effect) => Assert.Equal(
        [$"GRAD2005: 'h' is carried from batch to batch with its history: {effect}; detach it first"],
        await TrainingRules.Messages(Loop($"Tensor output; (output, h) = model.forward(batches[i].X, h); var loss = output.sum(); optimizer.zero_grad(); {backward}; torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.step();")));

    [Theory]
    [InlineData("Tensor output; (output, h) = model.forward(batches[i].X, h.detach()); var loss = output.sum();")]
    [InlineData("Tensor output; (output, h) = model.forward(batches[i].X, h); h = h.detach(); var loss = output.sum();")]
    [InlineData("h.detach_(); Tensor output; (output, h) = model.forward(batches[i].X, h); var loss = output.sum();")]
    [InlineData("var (output, next) = model.forward(batches[i].X, h); h = next.detach(); var loss = output.sum();")]
    [InlineData("var (output, next) = model.forward(batches[i].X, h); h = next.detach().clone(); var loss = output.sum();")]
    [InlineData("h = torch.zeros(1, 4, 32); Tensor output; (output, h) = model.forward(batches[i].X, h); var loss = output.sum();")]
    [InlineData("Tensor output; (output, h) = model.forward(batches[i].X, h); var loss = output.sum(); h = torch.zeros(1, 4, 32);")]
    [InlineData("h = torch.zeros_like(h); Tensor output; (output, h) = model.forward(batches[i].X, h); var loss = output.sum();")]
    [InlineData("h = torch.zeros(h.shape); Tensor output; (output, h) = model.forward(batches[i].X, h); var loss = output.sum();")]
    [InlineData("if (i % 10 == 0) h = torch.zeros(1, 4, 32); Tensor output; (output, h) = model.forward(batches[i].X, h); var loss = output.sum();")]
    [InlineData("var (output, last) = model.forward(batches[i].X, h); var loss = output.sum();")]
    [InlineData("using (torch.no_grad()) { var (_, next) = model.forward(batches[i].X, h); h = next; } var loss = model.forward(batches[i].X, torch.zeros(1, 4, 32)).Item1.sum();")]
    public Task ADetachedOrFreshStateIsFine(string forward) => TrainingRules.AreSilent(Loop($"{forward} {Update}"));

    [Fact]
    public Task BackwardAfterTheLoopOverTimeIsFine() => TrainingRules.AreSilent(Code.InMethod("""
        var cell = nn.GRUCell(16, 16);
        var optimizer = torch.optim.Adam(cell.parameters());
        foreach (var (input, target) in batches)
        {
            var h = torch.zeros(4, 16);
            for (var t = 0; t < input.shape[0]; t++)
                h = cell.forward(input[t], h);
            optimizer.zero_grad();
            functional.mse_loss(h, target).backward();
            torch.nn.utils.clip_grad_norm_(cell.parameters(), 1.0);
            optimizer.step();
        }
        """));

    [Fact]
    public Task OneLossAtATimeThroughTheWholeSequenceIsFine() => TrainingRules.AreSilent(Code.InMethod("""
        var cell = nn.GRUCell(16, 16);
        var optimizer = torch.optim.Adam(cell.parameters());
        foreach (var (input, target) in batches)
        {
            var h = torch.zeros(4, 16);
            optimizer.zero_grad();
            for (var t = 0; t < input.shape[0]; t++)
            {
                h = cell.forward(input[t], h);
                functional.mse_loss(h, target[t]).backward(retain_graph: true);
            }
            torch.nn.utils.clip_grad_norm_(cell.parameters(), 1.0);
            optimizer.step();
        }
        """));

    [Fact]
    public Task AHelperThatDetachesIsFine() => TrainingRules.AreSilent(Model + """
        public static class Program
        {
            private static Tensor Repackage(Tensor state) => state.detach();

            public static void Run(StateRnn model, torch.optim.Optimizer optimizer, Tensor[] inputs)
            {
                var h = torch.zeros(1, 4, 32);
                foreach (var input in inputs)
                {
                    h = Repackage(h);
                    Tensor output;
                    (output, h) = model.forward(input, h);
                    optimizer.zero_grad();
                    output.sum().backward();
                    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task AModelThatDetachesItselfIsFine() => TrainingRules.AreSilent("""
        public sealed class Truncated : Module<Tensor, Tensor, (Tensor, Tensor)>
        {
            private readonly TorchSharp.Modules.GRU _gru = nn.GRU(16, 32);
            public Truncated() : base("Truncated") => RegisterComponents();
            public override (Tensor, Tensor) forward(Tensor x, Tensor h)
            {
                var (output, state) = _gru.call(x, h);
                return (output, state.detach());
            }
        }

        public static class Program
        {
            public static void Run(Truncated model, torch.optim.Optimizer optimizer, Tensor[] inputs)
            {
                var h = torch.zeros(1, 4, 32);
                foreach (var input in inputs)
                {
                    Tensor output;
                    (output, h) = model.forward(input, h);
                    optimizer.zero_grad();
                    output.sum().backward();
                    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task GeneratingTextWithoutBackwardIsFine() => TrainingRules.AreSilent(Model + """
        public static class Program
        {
            public static void Generate(StateRnn model, Tensor start)
            {
                var h = torch.zeros(1, 1, 32);
                var input = start;
                for (var i = 0; i < 100; i++)
                    (input, h) = model.forward(input, h);
            }
        }
        """);

    [Fact]
    public Task AnImageThatIsOptimizedRoundByRoundIsNoHiddenState() => TrainingRules.AreSilent(Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        Tensor best = torch.zeros(1);
        Tensor previous = torch.zeros(1);
        foreach (var (input, target) in batches)
        {
            var loss = functional.mse_loss(model.forward(input), target);
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();
            best = torch.minimum(best, loss.detach());
            previous = loss;
        }
        """));
}
