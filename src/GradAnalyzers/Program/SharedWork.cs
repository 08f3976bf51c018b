namespace GradAnalyzers.Program;

/// <summary>
/// Work in parts that several threads ask for at once. Each takes the next part that nobody has begun and waits at the end for those that others are at, so that nothing is done twice.
/// No lock is held while a part is done. A part must not ask for its own work, as it could not alone either. A cancelled part is as if never begun: whoever waits for it does it.
/// </summary>
/// <param name="count">How many parts.</param>
/// <param name="work">A part's result: a function of the part alone.</param>
internal sealed class SharedWork<TResult>(int count, Func<int, CancellationToken, TResult> work)
    where TResult : class
{
    /// <summary>Milliseconds after which one who waits looks whether it is still wanted.</summary>
    private const int Patience = 50;

    private readonly object _ended = new();
    private readonly TResult?[] _results = new TResult?[count];
    private readonly int[] _begun = new int[count];

    /// <summary>All results, in the order of the parts.</summary>
    public IReadOnlyList<TResult> All(CancellationToken cancellation)
    {
        for (var part = 0; part < _results.Length; part++)
            Do(part, cancellation);
        for (var part = 0; part < _results.Length; part++)
        {
            while (Volatile.Read(ref _results[part]) is null && !Do(part, cancellation))
                Await(part, cancellation);
        }

        return _results!;
    }

    /// <summary>Does a part; false where another thread has begun it.</summary>
    private bool Do(int part, CancellationToken cancellation)
    {
        if (Interlocked.CompareExchange(ref _begun[part], 1, 0) != 0)
            return false;
        try
        {
            cancellation.ThrowIfCancellationRequested();
            Volatile.Write(ref _results[part], work(part, cancellation));
        }
        finally
        {
            lock (_ended)
            {
                if (_results[part] is null)
                    Volatile.Write(ref _begun[part], 0);
                Monitor.PulseAll(_ended);
            }
        }

        return true;
    }

    private void Await(int part, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        lock (_ended)
        {
            if (_results[part] is null && Volatile.Read(ref _begun[part]) != 0)
                Monitor.Wait(_ended, Patience);
        }
    }
}
