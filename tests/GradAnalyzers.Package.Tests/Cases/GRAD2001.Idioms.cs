using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.optim;
using F = TorchSharp.torch.nn.functional;

namespace Idioms;

public sealed class Encoder : nn.Module<Tensor, Tensor>
{
    private readonly LSTM lstm = nn.LSTM(8, 16);

    public Encoder() : base(nameof(Encoder)) => RegisterComponents();

    public override Tensor forward(Tensor input) => lstm.call(input).Item1;
}

// Recurrent by what it contains.
public sealed class Classifier : nn.Module<Tensor, Tensor>
{
    private readonly Encoder encoder = new();
    private readonly Linear head = nn.Linear(16, 4);

    public Classifier() : base(nameof(Classifier)) => RegisterComponents();

    public override Tensor forward(Tensor input) => head.forward(encoder.forward(input));
}

public sealed class Trainer
{
    private readonly Classifier model = new();
    private readonly Optimizer optimizer;

    public Trainer() => optimizer = SGD(model.parameters(), 0.1);

    public void Epoch((Tensor Input, Tensor Target)[] batches, int accumulate)
    {
        for (var i = 0; i < batches.Length; i++)
        {
            F.mse_loss(model.forward(batches[i].Input), batches[i].Target).backward();
            if (i % accumulate == 0)
            {
                [|optimizer.step()|];
                optimizer.zero_grad();
            }
        }
    }
}

public static class Helper
{
    public static void Run(Tensor input, Tensor target)
    {
        var model = new Classifier();
        Step(model, Adam(model.parameters()), input, target);
    }

    public static void Step(Classifier model, Optimizer optimizer, Tensor input, Tensor target)
    {
        optimizer.zero_grad();
        F.mse_loss(model.forward(input), target).backward();
        [|optimizer.step()|];
    }

    public static void InALambda(Tensor input, Tensor target)
    {
        var model = new Classifier();
        var optimizer = Adam(model.parameters());
        Action step = () =>
        {
            optimizer.zero_grad();
            F.mse_loss(model.forward(input), target).backward();
            [|optimizer.step()|];
        };
        step();
    }

    public static void WithAClosure(Tensor input, Tensor target)
    {
        var model = new Classifier();
        var optimizer = LBFGS(model.parameters());
        [|optimizer.step(() =>
        {
            optimizer.zero_grad();
            var loss = F.mse_loss(model.forward(input), target);
            loss.backward();
            return loss;
        })|];
    }
}

public static class Silent
{
    public static void ClippedInAWrapper(Tensor input, Tensor target)
    {
        var model = new Classifier();
        var optimizer = Adam(model.parameters());
        optimizer.zero_grad();
        F.mse_loss(model.forward(input), target).backward();
        ClipAndStep(model, optimizer);
    }

    public static void NotRecurrent(Tensor input, Tensor target)
    {
        var model = nn.Linear(8, 4);
        var optimizer = Adam(model.parameters());
        optimizer.zero_grad();
        F.mse_loss(model.forward(input), target).backward();
        optimizer.step();
    }

    private static void ClipAndStep(nn.Module model, Optimizer optimizer)
    {
        nn.utils.clip_grad_norm_(model.parameters(), 1.0);
        optimizer.step();
    }
}
