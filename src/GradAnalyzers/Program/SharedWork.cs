namespace GradAnalyzers.Program;

/// <summary>
/// Work in parts that several threads ask for at once. Each takes the next part that nobody has begun; nobody waits for another and no lock is held,
/// so a part that is still under way when all others are done is done twice, with the same result. A cancelled part is as if never begun.
/// </summary>
/// <param name="count">How many parts.</param>
/// <param name="work">A part's result: a function of the part alone.</param>
internal sealed class SharedWork<TResult>(int count, Func<int, CancellationToken, TResult> work)
    where TResult : class
{
    private readonly TResult?[] _results = new TResult?[count];
    private readonly int[] _begun = new int[count];

    /// <summary>All results, in the order of the parts.</summary>
    public IReadOnlyList<TResult> All(CancellationToken cancellation)
    {
        for (var part = 0; part < _results.Length; part++)
        {
            if (Interlocked.CompareExchange(ref _begun[part], 1, 0) == 0)
                Do(part, cancellation);
        }

        for (var part = 0; part < _results.Length; part++)
        {
            if (Volatile.Read(ref _results[part]) is null)
                Do(part, cancellation);
        }

        return _results!;
    }

    private void Do(int part, CancellationToken cancellation)
    {
        var isDone = false;
        try
        {
            cancellation.ThrowIfCancellationRequested();
            Interlocked.CompareExchange(ref _results[part], work(part, cancellation), null);
            isDone = true;
        }
        finally
        {
            if (!isDone)
                Volatile.Write(ref _begun[part], 0);
        }
    }
}
