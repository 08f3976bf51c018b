using static TorchSharp.torch;

namespace CharRnn;

/// <summary>The training text as numbers: each different character has one.</summary>
internal sealed class Text
{
    private readonly Tensor numbers;

    public Text(string path)
    {
        var text = File.ReadAllText(path).ReplaceLineEndings("\n");
        Characters = [.. text.Distinct().Order()];
        numbers = tensor(Encode(text));
    }

    /// <summary>The alphabet; a character's number is its place in it.</summary>
    public char[] Characters { get; }

    public long Length => numbers.shape[0];

    public long[] Encode(string text) => [.. text.Select(character => (long)Array.IndexOf(Characters, character))];

    /// <summary>Sequences from random places, and the same one character later.</summary>
    /// <returns>Input and target, both <paramref name="count"/> x <paramref name="length"/>.</returns>
    public (Tensor Input, Tensor Target) Sample(int count, int length)
    {
        var starts = randint(0, Length - length - 1, [count, 1], dtype: ScalarType.Int64);
        var places = starts + arange(length, dtype: ScalarType.Int64);
        return (numbers[places], numbers[places + 1]);
    }
}
