using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace MisplacedClipCase;

public sealed class Net : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Linear first = Linear(16, 32);
    private readonly TorchSharp.Modules.Linear second = Linear(32, 16);

    public Net() : base(nameof(Net)) => RegisterComponents();

    public override Tensor forward(Tensor input) => second.call(functional.relu(first.call(input)));
}

public static class Training
{
    public static void BeforeBackward((Tensor Input, Tensor Target)[] batches)
    {
        var model = new Net();
        var optimizer = optim.Adam(model.parameters(), lr: 1e-3);
        foreach (var (input, target) in batches)
        {
            optimizer.zero_grad();
            var loss = functional.mse_loss(model.call(input), target);
            // small steps
            [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];
            loss.backward();
            optimizer.step();
        }
    }

    public static void AfterTheStep(Tensor input, Tensor target)
    {
        var model = new Net();
        var optimizer = optim.SGD(model.parameters(), 0.1);
        for (var epoch = 0; epoch < 10; epoch++)
        {
            optimizer.zero_grad();
            functional.mse_loss(model.call(input), target).backward();
            optimizer.step();
            [|torch.nn.utils.clip_grad_value_(model.parameters(), 0.5)|];
        }
    }

    public static void OfAnotherModel(Tensor input, Tensor target)
    {
        var model = new Net();
        var other = new Net();
        var optimizer = optim.SGD(model.parameters(), 0.1);
        optimizer.zero_grad();
        functional.mse_loss(model.call(input), target).backward();
        [|torch.nn.utils.clip_grad_norm_(other.parameters(), 1.0)|];
        optimizer.step();
    }
}
