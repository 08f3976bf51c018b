using System.Collections.Immutable;

namespace GradAnalyzers.GradientFlow;

/// <summary>
/// A model as gradient flow sees it: layers in the order of evaluation, each with the nodes that it reads. Whoever reads source fills it; the prediction only reads it.
/// </summary>
/// <param name="Nodes">In topological order: a node reads nodes of a smaller index only.</param>
/// <param name="Output">Index of the node whose value the loss reads.</param>
/// <param name="Loss">What the output is trained with; <see cref="Loss.Unknown"/> where no training loop is known.</param>
internal sealed record Network(ImmutableArray<NetworkNode> Nodes, int Output, Loss Loss)
{
    /// <summary>Sizes that source rarely tells; they are used only where no layer gives them.</summary>
    public Assumptions Assumptions { get; init; } = Assumptions.Default;

    /// <summary>All values that a loss may read; default for <see cref="Output"/> alone.</summary>
    public ImmutableArray<int> Outputs
    {
        get => field.IsDefaultOrEmpty ? ImmutableArray.Create(Output) : field;
        init;
    }

    /// <summary>Whether each of <see cref="Outputs"/> is known to have a loss: then all of them together are what is trained.</summary>
    public bool IsEachTrained { get; init; }

    /// <summary>The same model with other numbers where no code tells them: a verdict is one only if they share it.</summary>
    public ImmutableArray<Network> Others
    {
        get => field.IsDefault ? ImmutableArray<Network>.Empty : field;
        init;
    }

    /// <summary>Nodes that an output depends on.</summary>
    public bool[] Reached()
    {
        var reached = new bool[Nodes.Length];
        foreach (var output in Outputs)
            reached[output] = true;
        for (var node = Nodes.Length - 1; node >= 0; node--)
        {
            if (reached[node] && !Nodes[node].Inputs.IsDefault)
            {
                foreach (var input in Nodes[node].Inputs)
                    reached[input] = true;
            }
        }

        return reached;
    }

    /// <summary>How many times each node's value is read.</summary>
    public int[] CountReaders()
    {
        var readers = new int[Nodes.Length];
        foreach (var node in Nodes)
            if (!node.Inputs.IsDefault)
                foreach (var input in node.Inputs)
                    readers[input]++;
        return readers;
    }
}

/// <summary>One use of a layer.</summary>
/// <param name="Layer">The layer with its constants.</param>
/// <param name="Inputs">Indices of the nodes that it reads, in the order of its arguments. Empty for <see cref="Input"/> and for an <see cref="Embedding"/> of token indices without an input node.</param>
/// <param name="Path">
/// TorchSharp's path of the module (<c>encoder.layers.3</c>), null where it has no parameters or none is known.
/// Two nodes with one path share their parameters, and their gradients add.
/// </param>
internal sealed record NetworkNode(Layer Layer, ImmutableArray<int> Inputs, string? Path = null)
{
    /// <summary>What has to be done to each input before the layer reads it; default, or null at an input, for nothing.</summary>
    public ImmutableArray<Rearrange?> Before { get; init; }

    /// <summary>What its weights get is not asked: other uses of them, or what lies behind it, are not known.</summary>
    public bool IsUnjudged { get; init; }

    /// <summary>Path of the weight, for parameters that are no module's <c>weight</c> (<c>functional.linear(x, this.w)</c>). By default the module's path and the layer's own name.</summary>
    public string? WeightPath
    {
        get => field ?? (Path is not null && Layer.WeightSuffix is { } suffix ? Path + suffix : null);
        init;
    }

    /// <summary>The parameters that its weight is computed of; default where it is one itself, by its own path.</summary>
    public ImmutableArray<WeightShare> WeightShares { get; init; }

    /// <summary>The parameters that its bias is computed of; default where it is one itself.</summary>
    public ImmutableArray<WeightShare> BiasShares { get; init; }

    /// <summary>Path of the bias: the module's and <c>.bias</c>, if nothing else is said.</summary>
    public string? BiasPath
    {
        get => field ?? (Path is not null ? Path + ".bias" : null);
        init;
    }
}

/// <summary>A parameter that a weight or bias is computed of.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Scale">Typical size of the derivative of the weight's element by the parameter's.</param>
/// <param name="IsWeight">Whether it is a matrix or kernel, else one number for each unit.</param>
internal sealed record WeightShare(string Path, double Scale, bool IsWeight);

/// <summary>Sizes assumed where neither the model nor its caller tells them.</summary>
/// <param name="Batch">Samples of one step.</param>
/// <param name="Image">Pixels along each spatial dimension of a convolution's input.</param>
/// <param name="Steps">Time steps, tokens of a sequence.</param>
internal sealed record Assumptions(int Batch = 32, int Image = 32, int Steps = 32)
{
    public static Assumptions Default { get; } = new();
}

/// <summary>What the output is compared with.</summary>
internal sealed record Loss(LossKind Kind, LossReduction Reduction = LossReduction.Mean)
{
    public static Loss Unknown { get; } = new(LossKind.Unknown);
    public static Loss MeanSquaredError { get; } = new(LossKind.MeanSquaredError);
    public static Loss CrossEntropy { get; } = new(LossKind.CrossEntropy);
}

internal enum LossKind
{
    Unknown,
    MeanSquaredError,
    /// <summary>L1, smooth L1, Huber.</summary>
    AbsoluteError,
    /// <summary>Softmax cross entropy of logits.</summary>
    CrossEntropy,
    /// <summary>Of log probabilities.</summary>
    NegativeLogLikelihood,
    /// <summary>Of probabilities.</summary>
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
}

internal enum LossReduction
{
    Mean,
    Sum,
    None,
}

/// <summary>
/// What a node does. A value has <em>features</em> (a Linear's features, a convolution's channels, a recurrent layer's hidden units) at one or more <em>positions</em> (pixels, time steps, tokens);
/// every layer says what it does to both. Memory layout does not matter here: (batch, time, features) and (batch, channels, height, width) are the same thing.
/// </summary>
internal abstract record Layer
{
    /// <summary>What TorchSharp appends to the module's path to name the weight; null for a layer without one.</summary>
    public virtual string? WeightSuffix => null;
}

/// <summary>The model's input: standard normal, independent over features, positions and samples.</summary>
/// <param name="Features">Features or channels, null where unknown.</param>
/// <param name="Positions">
/// Size along each spatial or time dimension: empty for feature vectors, default where unknown. Unknown sizes are found from the first flatten followed by a Linear
/// (the square input whose channels times positions equal the Linear's inputs), else taken from <see cref="Assumptions"/>.
/// </param>
internal sealed record Input(int? Features = null, ImmutableArray<int> Positions = default) : Layer
{
    /// <summary>How many dimensions its positions have, where the source tells that but no sizes.</summary>
    public int? Dimensions { get; init; }
}

/// <summary>What comes out of something that cannot be predicted, for a trial: the value has no gradient that anyone asks for.</summary>
/// <param name="Square">Its second moment.</param>
/// <param name="MeanShare">Part of it that is its mean's.</param>
/// <param name="Alike">Correlation of two samples, and of two positions, beyond the mean.</param>
internal sealed record Source(double Square, double MeanShare, double Alike) : Layer;

/// <summary>Fully connected, at every position alike; fan-in <paramref name="Inputs"/>.</summary>
/// <param name="Inputs">Input features.</param>
/// <param name="Outputs">Output features.</param>
/// <param name="Weight">Initialization of one element of the weight.</param>
/// <param name="Bias">Initialization of the bias, null without one.</param>
internal sealed record Linear(int Inputs, int Outputs, Distribution Weight, Distribution? Bias) : Layer
{
    public override string WeightSuffix => ".weight";

    /// <summary>As <c>torch.nn.Linear</c> initializes it.</summary>
    public static Linear Default(int inputs, int outputs, bool bias = true) =>
        new(inputs, outputs, Distribution.TorchDefault(inputs), bias ? Distribution.TorchDefault(inputs) : null);
}

/// <summary>A window that moves over positions: kernel, stride, padding, dilation of each dimension.</summary>
/// <param name="Kernel">Size in each dimension; its length is the number of dimensions (1-3).</param>
/// <param name="Stride">One number a dimension, one for all, or default for 1.</param>
/// <param name="Padding">One number a dimension, one for all, or default for 0. For padding "same" give kernel / 2.</param>
/// <param name="Dilation">One number a dimension, one for all, or default for 1.</param>
internal sealed record Window(ImmutableArray<int> Kernel, ImmutableArray<int> Stride = default, ImmutableArray<int> Padding = default, ImmutableArray<int> Dilation = default)
{
    public static Window Square(int dimensions, int kernel, int stride = 1, int padding = 0, int dilation = 1) => new(
        ImmutableArray.CreateRange(Enumerable.Repeat(kernel, dimensions)),
        ImmutableArray.Create(stride),
        ImmutableArray.Create(padding),
        ImmutableArray.Create(dilation));

    public int Dimensions => Kernel.Length;
    public int Area => Kernel.Aggregate(1, (area, size) => area * size);
    public int StrideOf(int dimension) => Of(Stride, dimension, 1);
    public int PaddingOf(int dimension) => Of(Padding, dimension, 0);
    public int DilationOf(int dimension) => Of(Dilation, dimension, 1);

    internal static int Of(ImmutableArray<int> sizes, int dimension, int otherwise) =>
        sizes.IsDefaultOrEmpty ? otherwise : sizes[Math.Min(dimension, sizes.Length - 1)];
}

/// <summary>Convolution over 1-3 dimensions; fan-in is channels in / groups * kernel area.</summary>
internal sealed record Convolution(int Inputs, int Outputs, Window Window, Distribution Weight, Distribution? Bias, int Groups = 1) : Layer
{
    public override string WeightSuffix => ".weight";

    /// <summary>A transposed convolution: the stride enlarges.</summary>
    public bool Transposed { get; init; }

    /// <summary>Transposed only: what is added to the output's size, one number a dimension, one for all, or default for 0.</summary>
    public ImmutableArray<int> OutputPadding { get; init; }

    /// <summary>As <c>torch.nn.Conv1d</c> ... <c>Conv3d</c> and <c>ConvTranspose1d</c> ... initialize it (the transposed ones compute their fan from the outputs).</summary>
    public static Convolution Default(int inputs, int outputs, Window window, bool bias = true, int groups = 1, bool transposed = false)
    {
        var weight = Distribution.TorchDefault((transposed ? outputs : inputs) / Math.Max(groups, 1) * window.Area);
        return new(inputs, outputs, window, weight, bias ? weight : null, groups) { Transposed = transposed };
    }
}

/// <summary>A row of the weight for each token. Reads token indices: its input, if any, has no gradient.</summary>
/// <param name="Tokens">Rows of the table.</param>
/// <param name="Features">Columns of the table.</param>
/// <param name="Weight">Initialization; TorchSharp's default is <see cref="Distribution.StandardNormal"/>.</param>
/// <param name="Steps">Tokens of one sample, null where unknown.</param>
internal sealed record Embedding(int Tokens, int Features, Distribution Weight, int? Steps = null) : Layer
{
    public override string WeightSuffix => ".weight";
}

/// <summary>An elementwise function.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Parameter">Negative slope (LeakyReLU, PReLU's start, RReLU's mean), alpha (ELU, CELU), beta (Softplus), lambda (shrinks), lower bound (Hardtanh, Clamp), threshold (Threshold); NaN for the library's default.</param>
/// <param name="Second">Upper bound (Hardtanh, Clamp), value below the threshold (Threshold); NaN for the library's default.</param>
internal sealed record Activation(ActivationKind Kind, double Parameter = double.NaN, double Second = double.NaN) : Layer;

internal enum ActivationKind
{
    Identity,
    Sigmoid,
    Tanh,
    ReLU,
    LeakyReLU,
    PReLU,
    RReLU,
    ReLU6,
    ELU,
    CELU,
    SELU,
    GELU,
    SiLU,
    Mish,
    Softplus,
    Softsign,
    Softshrink,
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    Tanhshrink,
    LogSigmoid,
    Threshold,
    Arctan,
    Arcsinh,
    Sine,
    Cosine,
    Square,
    Exponential,
    Absolute,
}

/// <summary>Softmax or log-softmax over the features. Predicted only where it is the output; elsewhere it is treated as <see cref="Opaque"/>.</summary>
internal sealed record Softmax(bool Logarithm = false) : Layer;

/// <summary>Batch normalization in training: statistics over the batch and the positions, for each feature.</summary>
/// <param name="Features">Number of features.</param>
/// <param name="Gain">Initialization of its weight; null for the default, 1.</param>
internal sealed record BatchNorm(int Features, Distribution? Gain = null) : Layer;

/// <summary>Layer normalization: statistics over the features of one sample.</summary>
/// <param name="Features">Number of features.</param>
/// <param name="OverPositions">Whether the statistics run over the positions as well (<c>LayerNorm([channels, height, width])</c>).</param>
/// <param name="Gain">Initialization of its weight; null for the default, 1.</param>
internal sealed record LayerNorm(int Features, bool OverPositions = false, Distribution? Gain = null) : Layer;

/// <summary>Group normalization: statistics over a group of features and all positions of one sample.</summary>
internal sealed record GroupNorm(int Groups, int Features, Distribution? Gain = null) : Layer;

/// <summary>Instance normalization: statistics over the positions of one sample, for each feature.</summary>
internal sealed record InstanceNorm(int Features, Distribution? Gain = null) : Layer;

/// <summary>Root-mean-square normalization over the features of one sample; the mean stays.</summary>
internal sealed record RootMeanSquareNorm(int Features, Distribution? Gain = null) : Layer;

/// <summary>Sum of its inputs (two or more): a residual connection.</summary>
internal sealed record Add : Layer;

/// <summary>Its inputs side by side along the features.</summary>
internal sealed record Concat : Layer;

/// <summary>Multiplies by a constant and adds one.</summary>
internal sealed record Scale(double Factor, double Shift = 0) : Layer;

/// <summary>Maximum over a window of positions.</summary>
internal sealed record MaxPooling(Window Window) : Layer;

/// <summary>Average over a window of positions.</summary>
internal sealed record AveragePooling(Window Window) : Layer;

/// <summary>Pools to a fixed number of positions: adaptive pooling, and <c>x.mean(dim)</c> over positions as one position.</summary>
/// <param name="Positions">Size along each dimension; empty for one position in all (global pooling).</param>
/// <param name="Maximum">Whether it is the maximum, else the average.</param>
/// <param name="Sum">Whether it is the sum: the average times the number of positions.</param>
internal sealed record AdaptivePooling(ImmutableArray<int> Positions, bool Maximum = false, bool Sum = false) : Layer
{
    public static AdaptivePooling GlobalAverage { get; } = new(ImmutableArray<int>.Empty);
}

/// <summary>Positions become features: flatten, view and reshape to (batch, everything).</summary>
internal sealed record Flatten : Layer;

/// <summary>Features become positions again: unflatten, view and reshape of a vector to (batch, features, ...).</summary>
internal sealed record Unflatten(int Features, ImmutableArray<int> Positions) : Layer;

/// <summary>One position out of several: <c>output[.., -1, ..]</c>, the last time step.</summary>
internal sealed record SelectPosition : Layer;

/// <summary>Enlarges each dimension by a factor (nearest, bilinear): every position is repeated.</summary>
internal sealed record Upsample(int Factor) : Layer
{
    /// <summary>Whether it enlarges one dimension only.</summary>
    public bool IsAlongOne { get; init; }
}

/// <summary>Dropout in training.</summary>
internal sealed record Dropout(double Probability) : Layer;

/// <summary>Passes its input on: identity, reshapes that keep positions apart, permutations, device moves, contiguous.</summary>
internal sealed record Identity : Layer;

/// <summary>
/// A recurrent layer over time steps, or a cell in a loop over time steps (unrolled here as well: give the loop as one node). Reads a value whose positions are time steps.
/// Its parameters are <c>weight_ih_l0</c>, <c>weight_hh_l0</c>, ... of its path (a cell's: <c>weight_ih</c>, <c>weight_hh</c>).
/// </summary>
/// <param name="Kind">Which.</param>
/// <param name="Inputs">Features of one step.</param>
/// <param name="Hidden">Hidden units of one direction; the value has twice as many when bidirectional.</param>
internal sealed record Recurrent(RecurrentKind Kind, int Inputs, int Hidden) : Layer
{
    public override string WeightSuffix => Cell ? ".weight_ih" : ".weight_ih_l0";

    public int Layers { get; init; } = 1;
    public bool Bidirectional { get; init; }
    public bool Bias { get; init; } = true;

    /// <summary>Whether it is a cell (<c>LSTMCell</c>), whose parameter names carry no layer.</summary>
    public bool Cell { get; init; }

    /// <summary>Time steps, null where only the input tells them (or nobody).</summary>
    public int? Steps { get; init; }

    /// <summary>Whether only the last step (<c>h_n</c>, <c>output[.., -1, ..]</c>) is the value; else all steps, one position each.</summary>
    public bool LastStep { get; init; }

    /// <summary>Initialization of the input weights, null for the library's U(+-1/sqrt(hidden)).</summary>
    public Distribution? InputWeight { get; init; }

    /// <summary>Initialization of the recurrent weights, null for the library's U(+-1/sqrt(hidden)).</summary>
    public Distribution? HiddenWeight { get; init; }

    /// <summary>What is added to the LSTM's forget gate beside its random bias: 1 where the code sets the forget bias to 1, else 0.</summary>
    public double ForgetBias { get; init; }
}

internal enum RecurrentKind
{
    Tanh,
    ReLU,
    Lstm,
    Gru,
}

/// <summary>Features become positions and positions features, as a reshape or a transposition lets the next layer read them.</summary>
/// <param name="Split">How many of a feature's parts become positions; 0 for all, 1 for none.</param>
/// <param name="Joined">How many positions become features; 0 for all, 1 for none, -1 for a part whose number is not known.</param>
internal sealed record Rearrange(int Split, int Joined) : Layer;

/// <summary>Features and positions mixed: the same elements in the same order, grouped into features and positions anew, as <c>view</c> does in the place of a transposition.</summary>
internal sealed record Regroup : Layer;

/// <summary>Product of two values, feature by feature; the one with fewer positions or features is repeated.</summary>
internal sealed record Multiply : Layer;

/// <summary>A trainable tensor that is no layer's (positions, tokens, scales): the same in all samples.</summary>
/// <param name="Features">Its features.</param>
/// <param name="Positions">Its positions; empty for one, default for as many as a sequence has.</param>
/// <param name="Start">How its elements start.</param>
internal sealed record OwnParameter(int Features, ImmutableArray<int> Positions, Distribution Start) : Layer;

/// <summary>A tensor that the model is given beside its input or makes without weights: the same in all samples (a mask, fixed positions).</summary>
/// <param name="Start">Its elements; null where nobody tells, and both <paramref name="Without"/> and <paramref name="With"/> are tried.</param>
/// <param name="Without">As if it were not there.</param>
/// <param name="With">As it usually is.</param>
internal sealed record Given(Distribution? Start, Distribution Without, Distribution With) : Layer
{
    /// <summary>Its features; 0 for those of what it meets.</summary>
    public int Features { get; init; }
}

/// <summary>
/// Attention: inputs are queries, keys and values, projected already; the value at a query is the mean of all values, weighted by the softmax of the scaled dot products.
/// </summary>
/// <param name="Heads">Groups of features that attend by themselves.</param>
/// <param name="Scale">What a dot product is multiplied by; null for one over the root of a head's features.</param>
/// <param name="Causal">Whether a position sees only those before it.</param>
internal sealed record Attention(int Heads, double? Scale = null, bool Causal = false) : Layer;

/// <summary>Softmax over the positions of each feature.</summary>
internal sealed record PositionSoftmax : Layer;

/// <summary>Its inputs one after the other along the positions.</summary>
internal sealed record Append : Layer;

/// <summary>The average over the features, as one feature.</summary>
/// <param name="Sum">Whether it is the sum.</param>
internal sealed record FeatureMean(bool Sum) : Layer;

/// <summary>Passes its value on and no derivative: what comes before learns nothing by it.</summary>
internal sealed record Cut : Layer;

/// <summary>The largest of the features, as one feature.</summary>
internal sealed record FeatureMaximum : Layer;

/// <summary>Multiplies by a number, or adds one, that no code tells: a small one and a large one are tried.</summary>
internal sealed record UnknownScale(bool IsShift) : Layer;

/// <summary>Some of the features.</summary>
internal sealed record SliceFeatures(int Parts, int Features) : Layer;

/// <summary>Some of the positions.</summary>
/// <param name="Count">How many; 0 for an unknown share.</param>
internal sealed record SlicePositions(int Count) : Layer;

/// <summary>Several layers as one node: its inner inputs are the node's inputs, in their order.</summary>
internal sealed record Block(ImmutableArray<NetworkNode> Nodes) : Layer;

/// <summary>One of its inputs; which, a condition decides that is not known.</summary>
internal sealed record Choice(string Condition) : Layer;

/// <summary>Something that cannot be predicted. Nothing beyond it is, and the verdict is unknown.</summary>
/// <param name="Reason">Why, for the report ("attention", "type of 'head' is unknown").</param>
internal sealed record Opaque(string Reason) : Layer;
