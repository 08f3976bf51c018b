using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Measurement;

/// <summary>The identity; on the way back it shows the gradient to a callback. TorchSharp has no backward hooks, this takes their place.</summary>
internal sealed class BackwardTap : autograd.SingleTensorFunction<BackwardTap>
{
    private const string Callback = "callback";

    public override string Name => nameof(BackwardTap);

    public static Tensor Through(Tensor tensor, Action<Tensor> seen) => apply(tensor, seen);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.save_data(Callback, vars[1]);
        return ((Tensor)vars[0]).alias();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        ((Action<Tensor>)ctx.get_data(Callback))(grad_output);
        return [grad_output.alias(), null!];
    }
}
