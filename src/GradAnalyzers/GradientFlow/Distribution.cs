namespace GradAnalyzers.GradientFlow;

/// <summary>How the elements of a parameter start: independent, with this mean and variance.</summary>
internal sealed record Distribution(double Mean, double Variance)
{
    /// <summary>Whether every element is the same number, so that all units are alike and no prediction holds (<c>zeros_</c>, <c>constant_</c>).</summary>
    public bool IsConstant => Variance == 0;

    public static Distribution StandardNormal { get; } = new(0, 1);

    /// <summary>What <c>torch.nn.Linear</c> and the convolutions do, for weight and bias: kaiming_uniform_(a = sqrt(5)) = U(+-1/sqrt(fan in)), variance 1/(3 fan in).</summary>
    public static Distribution TorchDefault(int fanIn) => Uniform(-1 / Math.Sqrt(fanIn), 1 / Math.Sqrt(fanIn));

    public static Distribution Constant(double value) => new(value, 0);

    public static Distribution Normal(double mean, double standardDeviation) => new(mean, standardDeviation * standardDeviation);

    public static Distribution Uniform(double low, double high) => new((low + high) / 2, (high - low) * (high - low) / 12);

    /// <summary><c>kaiming_uniform_</c> and <c>kaiming_normal_</c>: variance gain^2/fan (He et al. 2015). Gains: <see cref="Gain"/>.</summary>
    public static Distribution Kaiming(int fan, double gain) => new(0, gain * gain / fan);

    /// <summary><c>xavier_uniform_</c> and <c>xavier_normal_</c>: variance 2 gain^2/(fan in + fan out) (Glorot and Bengio 2010).</summary>
    public static Distribution Xavier(int fanIn, int fanOut, double gain = 1) => new(0, 2 * gain * gain / (fanIn + fanOut));

    /// <summary><c>orthogonal_</c> of a matrix with these rows and columns: its shorter side is orthonormal, so that an element has variance gain^2 over the longer one (Saxe et al. 2014).</summary>
    public static Distribution Orthogonal(int rows, int columns, double gain = 1) => new(0, gain * gain / Math.Max(rows, columns));

    /// <summary><c>trunc_normal_</c> of TorchSharp up to 0.107: multiplies by the mean and adds the standard deviation, so that every element equals the latter.</summary>
    public static Distribution TruncatedNormal(double mean, double standardDeviation) => mean == 0 ? Constant(standardDeviation) : Normal(standardDeviation, mean);

    /// <summary><c>calculate_gain</c> as the library has it: 1 for linear and sigmoid, 5/3 for tanh, sqrt(2 / (1 + slope^2)) for (leaky) ReLU.</summary>
    public static double Gain(ActivationKind kind, double slope = 0) => kind switch
    {
        ActivationKind.Tanh => 5.0 / 3,
        ActivationKind.ReLU => Math.Sqrt(2),
        ActivationKind.LeakyReLU => Math.Sqrt(2 / (1 + slope * slope)),
        _ => 1,
    };
}
