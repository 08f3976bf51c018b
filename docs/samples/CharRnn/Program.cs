using System.Diagnostics;
using System.Text;
using CharRnn;
using GradAnalyzers.Monitor;
using static TorchSharp.torch;

const int Sequences = 32;
const int Length = 64;
const int StepsPerEpoch = 100;

if (!TryReadArguments(args, out var steps, out var folder))
{
    Console.Error.WriteLine("Usage: dotnet run -c Release -- [--steps <count>] [--monitor <folder>]   (1000 steps unless given; the gradients' report goes to the folder)");
    return 2;
}

set_num_threads(1); // The model is small: more threads would mostly wait for each other.
manual_seed(1);
var text = new Text(Path.Combine(AppContext.BaseDirectory, "text.txt"));
using var model = new CharRnn.CharRnn(text.Characters.Length);
using var optimizer = optim.Adam(model.parameters(), lr: 3e-3);
using var monitor = folder is null ? null : new GradientMonitor(model)
    .AddSink(new ConsoleProgress())
    .AddSink(new EvidenceFile(Path.Combine(folder, "CharRnn.gradients.csv")))
    .AddSink(new HtmlReport(Path.Combine(folder, "gradients.html")));
Console.WriteLine($"{text.Length:N0} characters of text, {text.Characters.Length} different; {model.parameters().Sum(parameter => parameter.numel()):N0} parameters; {steps:N0} steps.");

Train(steps);

Console.WriteLine();
Console.WriteLine(Generate("The gradient ", 400));
return 0;

void Train(int steps)
{
    var clock = Stopwatch.StartNew();
    var lossOfEpoch = 0.0;
    for (var step = 1; step <= steps; step++)
    {
        using var scope = NewDisposeScope();
        var (input, target) = text.Sample(Sequences, Length);
        var (scores, _) = model.call(input, model.Start.expand(1, Sequences, -1).contiguous());
        var loss = nn.functional.cross_entropy(scores.flatten(0, 1), target.flatten());

        optimizer.zero_grad();
        loss.backward();
        monitor?.Observe(loss);
        optimizer.step(); // The risk, on purpose: nothing bounds the gradient of a recurrent model here.

        lossOfEpoch += loss.item<float>();
        if (step % StepsPerEpoch == 0 || step == steps)
        {
            var stepsOfEpoch = (step - 1) % StepsPerEpoch + 1;
            var charactersPerSecond = stepsOfEpoch * Sequences * Length / clock.Elapsed.TotalSeconds;
            Console.WriteLine($"epoch {(step - 1) / StepsPerEpoch + 1,3}  step {step,5}  loss {lossOfEpoch / stepsOfEpoch:F3}  {charactersPerSecond,9:N0} characters/s");
            lossOfEpoch = 0;
            clock.Restart();
        }
    }
}

string Generate(string prompt, int length)
{
    using var ungraded = no_grad();
    var generated = new StringBuilder(prompt);
    var state = model.Start;
    var input = tensor(text.Encode(prompt)).unsqueeze(0);
    for (var i = 0; i < length; i++)
    {
        var (scores, next) = model.call(input, state);
        // A temperature below 1 prefers the likelier characters.
        input = multinomial(nn.functional.softmax(scores[0, -1] / 0.7, 0), 1).unsqueeze(0);
        state = next;
        generated.Append(text.Characters[input.item<long>()]);
    }
    return generated.ToString();
}

static bool TryReadArguments(string[] args, out int steps, out string? folder)
{
    (steps, folder) = (1000, null);
    for (var i = 0; i < args.Length; i += 2)
        switch (args[i..])
        {
            case ["--steps", var count, ..] when int.TryParse(count, out steps) && steps > 0:
                break;
            case ["--monitor", var where, ..]:
                folder = where;
                break;
            default:
                return false;
        }
    return true;
}
