using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>mu + sigma * noise with factorized noise f(x) = sign(x) sqrt(|x|) (Fortunato et al. 2018), drawn beforehand.</summary>
public sealed class FactorizedNoise : Module<Tensor, Tensor>
{
    private readonly long inputs;
    private readonly long outputs;
    private Tensor noise = null!;
    private Tensor biasNoise = null!;

    public FactorizedNoise(long inputs, long outputs, double start)
        : base(nameof(FactorizedNoise))
    {
        (this.inputs, this.outputs) = (inputs, outputs);
        var bound = 1 / Math.Sqrt(inputs);
        Mean = Parameter(empty(outputs, inputs).uniform_(-bound, bound));
        Deviation = Parameter(full(outputs, inputs, start / Math.Sqrt(inputs)));
        MeanBias = Parameter(empty(outputs).uniform_(-bound, bound));
        DeviationBias = Parameter(full(outputs, start / Math.Sqrt(inputs)));
        RegisterComponents();
        Draw();
    }

    public Parameter Mean { get; }

    public Parameter Deviation { get; }

    public Parameter MeanBias { get; }

    public Parameter DeviationBias { get; }

    public void Draw()
    {
        var (one, other) = (Scaled(inputs), Scaled(outputs));
        noise = other.outer(one);
        biasNoise = other;
    }

    private static Tensor Scaled(long size)
    {
        var drawn = randn(size);
        return drawn.sign() * drawn.abs().sqrt();
    }

    public override Tensor forward(Tensor x) => functional.linear(x, Mean + Deviation * noise, MeanBias + DeviationBias * biasNoise);
}

public sealed class FactorizedValues : Module<Tensor, Tensor>
{
    private readonly Linear first;
    private readonly FactorizedNoise second;
    private readonly FactorizedNoise third;
    private readonly Linear last;

    public FactorizedValues(long inputs, long width, double start)
        : base(nameof(FactorizedValues))
    {
        first = Linear(inputs, width);
        second = new FactorizedNoise(width, width, start);
        third = new FactorizedNoise(width, width, start);
        last = Linear(width, 4);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => last.forward(third.forward(second.forward(first.forward(x).relu()).relu()).relu());
}
