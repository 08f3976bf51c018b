namespace GradAnalyzers.Catalogue;

/// <summary>What a catalogued member does in a model or a training loop. In the text format the name is written in snake case (<c>clip_norm</c>).</summary>
internal enum Role
{
    // Modules and what they do
    Module,
    Forward,
    Tensor,
    RegisterComponents,
    RegisterModule,
    RegisterParameter,
    Apply,
    Load,
    TrainingFlag,

    // Containers
    Sequential,
    ModuleList,
    ModuleDict,
    ParameterList,
    Append,

    // Layers with weights
    Linear,
    Bilinear,
    Conv,
    ConvTranspose,
    Embedding,
    Rnn,
    Lstm,
    Gru,
    RnnCell,
    LstmCell,
    GruCell,
    Attention,
    Transformer,

    // Activations
    Sigmoid,
    Tanh,
    Relu,
    LeakyRelu,
    Prelu,
    Rrelu,
    Relu6,
    Elu,
    Celu,
    Selu,
    Gelu,
    Silu,
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
    Glu,
    Arctan,
    Arcsinh,
    Sine,
    Square,
    Exponential,
    Absolute,
    Softmax,
    LogSoftmax,
    Softmin,

    // Normalization
    BatchNorm,
    LayerNorm,
    GroupNorm,
    InstanceNorm,
    RmsNorm,
    LocalResponseNorm,

    // Pooling, regularization, shape
    MaxPool,
    AvgPool,
    AdaptiveMaxPool,
    AdaptiveAvgPool,
    Dropout,
    Identity,
    Flatten,
    Reshape,
    Permute,
    Expand,
    Select,
    Split,
    Pad,
    Upsample,
    PixelShuffle,

    // Tensor arithmetic
    Add,
    Subtract,
    Multiply,
    Divide,
    Negate,
    Concat,
    Stack,
    MatMul,
    Mean,
    Sum,
    Detach,

    // Initializers
    KaimingUniform,
    KaimingNormal,
    XavierUniform,
    XavierNormal,
    Uniform,
    Normal,
    TruncNormal,
    Orthogonal,
    Sparse,
    Eye,
    Dirac,
    Zeros,
    Ones,
    Constant,
    CalculateGain,

    // Losses
    CrossEntropy,
    NllLoss,
    BceLoss,
    BceWithLogitsLoss,
    MseLoss,
    L1Loss,
    SmoothL1Loss,
    HuberLoss,
    KlDivLoss,
    CtcLoss,
    Loss,

    // Only in graphs
    Input,
    Data,
    Opaque,
    Default,

    // Training
    Optimizer,
    Parameters,
    Parameter,
    Gradient,
    Step,
    Backward,
    Clear,
    ClipNorm,
    ClipValue,
}

internal static class RoleExtensions
{
    /// <summary>Whether a call of this role is an event of a training loop.</summary>
    public static bool IsTraining(this Role role) =>
        role is Role.Gradient or Role.Step or Role.Backward or Role.Clear or Role.ClipNorm or Role.ClipValue;
}
