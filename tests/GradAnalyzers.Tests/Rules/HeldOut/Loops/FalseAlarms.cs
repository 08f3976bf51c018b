using Xunit;

namespace GradAnalyzers.Tests.Rules.HeldOut.Loops;

/// <summary>Healthy code that was reported.</summary>
public sealed class FalseAlarms
{
    private const string Rounds = """
        public sealed class Round : IDisposable
        {
            private readonly torch.optim.Optimizer _optimizer;
            public Round(torch.optim.Optimizer optimizer) => _optimizer = optimizer;
            public void Dispose() => _optimizer.zero_grad();
        }

        public readonly struct Sweep(Module module) : IDisposable
        {
            public void Dispose() => module.zero_grad();
        }

        """;

    [Theory]
    [InlineData("using (new Round(optimizer)) { functional.mse_loss(model.call(input), target).backward(); optimizer.step(); }")]
    [InlineData("using var round = new Round(optimizer); functional.mse_loss(model.call(input), target).backward(); optimizer.step();")]
    [InlineData("using (IDisposable round = new Round(optimizer)) { model.call(input).sum().backward(); optimizer.step(); }")]
    [InlineData("using var sweep = new Sweep(model); functional.l1_loss(model.call(input), target).backward(); optimizer.step();")]
    [InlineData("using Tensor shown = input.clone(); using (new Sweep(model)) { model.call(shown).mean().backward(); optimizer.step(); }")]
    public Task ClearingAtTheEndOfAUsingIsFine(string round) => TrainingRules.AreSilent(Rounds + Code.InMethod($$"""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        foreach (var (input, target) in batches)
        {
            {{round}}
        }
        """));

    private const string States = """
        public sealed record Memory(Tensor Hidden, Tensor Cell)
        {
            public Memory Cut() => new(Hidden.detach(), Cell.detach());
        }

        public sealed class Cell : Module<Tensor, Tensor, Tensor>
        {
            private readonly Linear _mix = Linear(32, 16);
            public Cell() : base("Cell") => RegisterComponents();
            public override Tensor forward(Tensor x, Tensor h) => tanh(_mix.call(cat([x, h], 1)));
        }

        """;

    private static string Carried(string start, string round) => States + Code.InMethod($$"""
        var cell = new Cell();
        var lstm = nn.LSTMCell(16, 16);
        var optimizer = torch.optim.SGD(cell.parameters().Concat(lstm.parameters()), 0.01);
        {{start}}
        foreach (var (input, target) in batches)
        {
            optimizer.zero_grad();
            {{round}}
            torch.nn.utils.clip_grad_norm_(optimizer.parameters(), 1.0);
            optimizer.step();
        }
        """);

    [Theory]
    [InlineData("var memory = new Memory(zeros(4, 16), zeros(4, 16));", "var (h, c) = lstm.call(input, (memory.Hidden, memory.Cell)); functional.mse_loss(h + cell.call(input, h), target).backward(); memory = new Memory(h, c).Cut();")]
    [InlineData("Tensor[] states = [zeros(4, 16)];", "states = [cell.call(input, states[0])]; functional.mse_loss(states[0], target).backward(); states = states.Select(t => t.detach()).ToArray();")]
    [InlineData("var states = new List<Tensor> { zeros(4, 16) };", "states = states.ConvertAll(state => cell.call(input, state)); functional.mse_loss(states[0], target).backward(); states = states.ConvertAll(state => state.detach());")]
    [InlineData("var h = zeros(4, 16);", "var previous = h; functional.mse_loss(cell.call(input, previous), target).backward(); using (no_grad()) { h = cell.call(input, previous); }")]
    [InlineData("var h = zeros(4, 16);", "functional.mse_loss(cell.call(input, h), target).backward(); using var _ = no_grad(); h = cell.call(input, h);")]
    [InlineData("var h = zeros(4, 16);", "h = cell.call(input, h); functional.mse_loss(h, target).backward(); h.detach_();")]
    public Task AStateThatIsCutOffIsFine(string start, string round) => TrainingRules.AreSilent(Carried(start, round));

    [Fact]
    public Task OneParameterSteppedByHandIsInNoOptimizerOnPurpose() => TrainingRules.AreSilent("""
        public static class Program
        {
            public static void Fit(Tensor x, Tensor y)
            {
                var features = new Mlp();
                var scale = nn.Linear(16, 1, hasBias: false);
                var optimizer = torch.optim.Adam(features.parameters());
                for (var round = 0; round < 50; round++)
                {
                    optimizer.zero_grad();
                    scale.zero_grad();
                    functional.mse_loss(scale.call(features.call(x)), y).backward();
                    optimizer.step();
                    using (torch.no_grad())
                        scale.weight!.sub_(scale.weight.grad! * 0.01);
                }
            }
        }
        """);

    [Fact]
    public Task AContainerThatRegistersNamedPairsHoldsThem() => TrainingRules.AreSilent("""
        public sealed class Bag : Module
        {
            public Bag(params (string Name, Module Part)[] parts) : base("Bag")
            {
                foreach (var (name, part) in parts)
                    register_module(name, part);
            }
        }

        public static class Program
        {
            public static void Fit(Tensor x, Tensor y)
            {
                var encoder = new Mlp();
                var decoder = nn.Linear(16, 16);
                var bag = new Bag(("encoder", encoder), ("decoder", decoder));
                var optimizer = torch.optim.Adam(bag.parameters());
                optimizer.zero_grad();
                functional.mse_loss(decoder.call(encoder.call(x)), y).backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public async Task AHelperWithTwoOptimizersNamesEachModelAtItsOwnStep()
    {
        var messages = await TrainingRules.Messages("""
            public sealed class Writer : Module<Tensor, Tensor>
            {
                private readonly GRU _gru = GRU(16, 16);
                public Writer() : base("Writer") => RegisterComponents();
                public override Tensor forward(Tensor x) => _gru.call(x).Item1;
            }

            public static class Program
            {
                private static void Update(torch.optim.Optimizer first, torch.optim.Optimizer second, Tensor loss)
                {
                    first.zero_grad();
                    second.zero_grad();
                    loss.backward();
                    first.step();
                    second.step();
                }

                public static void Run(Tensor x, Tensor y)
                {
                    var writer = new Writer();
                    var reader = new Mlp();
                    var one = torch.optim.Adam(writer.parameters());
                    var two = torch.optim.Adam(reader.parameters());
                    Update(one, two, functional.mse_loss(reader.call(writer.call(x)), y));
                }
            }
            """);
        Assert.Equal(["GRAD2001"], messages.Select(message => message[..8]));
        Assert.Contains("'Writer'", messages[0]);
    }

    [Fact]
    public async Task TwoRecurrentModelsAreNamedAtTheirOwnSteps()
    {
        var messages = await TrainingRules.Messages("""
            public sealed class Encoder : Module<Tensor, Tensor>
            {
                private readonly GRU _gru = GRU(16, 16);
                public Encoder() : base("Encoder") => RegisterComponents();
                public override Tensor forward(Tensor x) => _gru.call(x).Item1;
            }

            public sealed class Decoder : Module<Tensor, Tensor>
            {
                private readonly LSTM _lstm = LSTM(16, 16);
                public Decoder() : base("Decoder") => RegisterComponents();
                public override Tensor forward(Tensor x) => _lstm.call(x).Item1;
            }

            public static class Program
            {
                private static double Round(Encoder encoder, Decoder decoder, torch.optim.Optimizer forEncoder, torch.optim.Optimizer forDecoder, Tensor x, Tensor y)
                {
                    forEncoder.zero_grad();
                    forDecoder.zero_grad();
                    var loss = functional.mse_loss(decoder.call(encoder.call(x)), y);
                    loss.backward();
                    forEncoder.step();
                    forDecoder.step();
                    return loss.ToDouble();
                }

                public static void Run(Tensor x, Tensor y)
                {
                    var encoder = new Encoder();
                    var decoder = new Decoder();
                    var one = torch.optim.SGD(encoder.parameters(), 0.1);
                    var two = torch.optim.SGD(decoder.parameters(), 0.1);
                    Console.WriteLine(Round(encoder, decoder, one, two, x, y));
                }
            }
            """);
        Assert.Equal(2, messages.Length);
        Assert.Contains("'Decoder'", messages[0]);
        Assert.Contains("'Encoder'", messages[1]);
    }
}
