namespace ContentSync.Simulation.Mutants;

/// <summary>The bugs that the simulation must catch, without exception.</summary>
internal static class MutantList
{
    private const string Library = "src/ContentSync/";
    private const string Transitions = Library + "Ledger/SyncTransitions.cs";
    private const string Clock = Library + "Ledger/StoreClock.cs";
    private const string RevisionOrder = Library + "Content/Revision.cs";
    private const string Synchronizer = Library + "Synchronization/ContentSynchronizer.cs";
    private const string Policy = Library + "Synchronization/RecoverabilityPolicy.cs";
    private const string CircuitBreaker = Library + "Synchronization/CircuitBreaker.cs";
    private const string Sweep = Library + "Synchronization/PendingSweep.cs";
    private const string Processor = Library + "Synchronization/Messages/ContentMessageProcessor.cs";
    private const string Outgoing = Library + "Synchronization/Messages/OutgoingMessage.cs";
    private const string Client = Library + "AlipayHk/AlipayHkClient.cs";
    private const string Classifier = Library + "AlipayHk/ResponseClassifier.cs";
    private const string Codes = Library + "AlipayHk/ResultCodes.cs";
    private const string Signing = Library + "AlipayHk/RequestSigningHandler.cs";
    private const string Verification = Library + "AlipayHk/ResponseVerification.cs";
    private const string RateLimiter = Library + "AlipayHk/SendRateLimiter.cs";
    private const string Runner = Library + "Resync/ResyncRunner.cs";
    private const string Pages = Library + "Resync/ResyncPages.cs";
    private const string Packs = Library + "Resync/Lanes/PackSender.cs";
    private const string Comparison = Library + "Resync/Planning/PlanComparison.cs";
    private const string Partitions = Library + "Resync/Planning/PlanPartitions.cs";
    private const string LaneProgress = Library + "Resync/Lanes/LaneProgress.cs";
    private const string Delisted = Library + "Resync/Planning/DelistedItem.cs";
    private const string Guard = Library + "Resync/Planning/MassDelistGuard.cs";
    private const string Vault = Library + "Signing/PooledVault.cs";
    private const string ResyncWork = "tests/ContentSync.Simulation/ResyncWork.cs";
    private const string Process = "tests/ContentSync.Simulation/SimulatedProcess.cs";
    private const string Store = "tests/ContentSync.Simulation/SimulatedStore.cs";

    /// <summary>In the order of their numbers, which start at 1.</summary>
    public static IReadOnlyList<Mutant> All { get; } =
    [
        new("the lease never expires", Transitions, "current.Lease is { } lease && ⟦lease.ExpiresAt > now⟧", "true"),
        new("the lease is ignored", Transitions, "current.Lease is { } lease && ⟦lease.ExpiresAt > now⟧", "false"),
        new("the lease expires immediately", Transitions, "new SyncLease(leaseId, ⟦now + duration⟧)", "now"),
        new("a new version drops the lease", Transitions, "return ⟦record⟧ with\n        {\n            ContentType", "record with { Lease = null }"),
        new("attempts are not counted", Transitions, "Attempts = ⟦current.Attempts + 1⟧,", "current.Attempts"),
        new("a deferral spends an attempt", Transitions,
            "Hop = released.Hop + 1,\n            Attempts = ⟦Math.Max(0, released.Attempts - 1)⟧",
            "released.Attempts"),
        new("AlipayHK's version is assumed to be known while a request is in flight", Transitions,
            "SynchronizedHash = ⟦null⟧,",
            "current.SynchronizedHash"),
        new("an older revision is accepted", Transitions, "if (⟦order < 0⟧)", "false"),
        new("a repeated revision counts as superseded", Transitions, "if (⟦order < 0⟧)", "order <= 0"),
        new("content is not deduplicated by hash", Transitions, "if (⟦item.Hash == current.Hash⟧)", "false"),
        new("revisions are compared as text", Transitions,
            "var order = ⟦submission.Revision.CompareTo(current.Revision)⟧;",
            "string.CompareOrdinal(submission.Revision.ToString(), current.Revision.ToString())"),
        new("revisions are compared in reverse order", RevisionOrder, "⟦Value.CompareTo(accepted.Value)⟧", "accepted.Value.CompareTo(Value)"),
        new("a later submission counts as newer, whatever its revision", RevisionOrder, "⟦Value.CompareTo(accepted.Value)⟧", "1"),
        new("changed content keeps its request id", Transitions,
            "RequestId = ⟦requestId⟧,\n            Body = body,\n            State = SyncState.Pending,\n            ParkReason",
            "record.RequestId"),
        new("changed content keeps its body", Transitions,
            "Body = ⟦body⟧,\n            State = SyncState.Pending,\n            ParkReason",
            "record.Body"),
        new("the outcome of an older request counts for newer content", Transitions,
            "var isOutdated = ⟦current.RequestId != leased.RequestId && !(isFinal && current.Hash == leased.Hash)⟧;",
            "false"),
        new("any success counts for any content", Transitions,
            "var isOutdated = ⟦current.RequestId != leased.RequestId && !(isFinal && current.Hash == leased.Hash)⟧;",
            "current.RequestId != leased.RequestId && !isFinal"),
        new("a timed-out request gets no late-effect window", Transitions,
            "var lease = ⟦outcome.LateEffectUntil is { } windowEnd ? new SyncLease(LateEffectLeaseId, windowEnd) : null⟧;",
            "null"),
        new("a rejected item is sent again", Transitions, "case SyncState.Parked when ⟦current.ParkReason == ParkReason.Rejected⟧", "false"),
        new("leases use the machine's wall clock", Clock, "lock (_lock) return ⟦Now()⟧;", "time.GetUtcNow()"),
        new("the store's time is ignored", Clock,
            "⟦if (!_isKnown || ahead > TimeSpan.Zero) _timeAtStart += ahead;\n            else if (latest < TimeSpan.Zero) "
            + "_timeAtStart += latest;⟧",
            "_ = latest;"),
        new("an item is sent without a lease", Synchronizer, "if (⟦status != LeaseStatus.Granted⟧)", "record is not { State: SyncState.Pending }"),
        new("a lease that took too long to get is used", Synchronizer,
            "if (⟦time.GetElapsedTime(requestedAt) > options.LeaseDuration / LeaseShareForLedger⟧)",
            "false"),
        new("a cancelled request gets no late-effect window", Synchronizer,
            "⟦new AttemptOutcome(AttemptOutcomeKind.Released) { LateEffectUntil = time.GetUtcNow() + options.LateEffectWindow }⟧",
            "new AttemptOutcome(AttemptOutcomeKind.Released)"),
        new("a request without a response gets no late-effect window", Synchronizer, "if (⟦result.MayTakeEffectLater⟧)", "false"),
        new("each attempt has its own request id", Synchronizer,
            "client.SynchronizeAsync(⟦leased.Body⟧,",
            "SynchronizeRequest.WithRequestId(leased.Body, requestIds.Create())"),
        new("request ids repeat", Synchronizer, "var requestId = ⟦requestIds.Create()⟧;", "new string('a', RequestIdSource.Length)"),
        new("an item is parked without a reason", Synchronizer, "{ Attempt = attempt, ParkReason = ⟦parked.Reason⟧ },", "null"),
        new("a success is sent again", Policy,
            "SynchronizeResultKind.Succeeded => ⟦RecoverabilityDecision.Complete.Instance⟧,",
            "new RecoverabilityDecision.DelayedRetry(TimeSpan.Zero)"),
        new("a configuration fault parks the item", Policy,
            "SynchronizeResultKind.ConfigurationFault => ⟦new RecoverabilityDecision.Defer(options.ProbeInterval)⟧,",
            "Exhausted(result, attempts)"),
        new("a throttled vault parks the item", Policy,
            "SynchronizeResultKind.SigningUnavailable =>\n                ⟦new RecoverabilityDecision.Defer(Bounded(options, "
            + "result.RetryAfter) ?? options.SigningRetryDelay)⟧,",
            "Exhausted(result, attempts)"),
        new("attempts are unlimited", Policy,
            "⟦attempts >= (HasSignedResponse(result) ? options.MaxAttempts : MaxAttemptsWithoutSignedResponse(options))⟧;",
            "false"),
        new("the first failure parks the item", Policy,
            "⟦attempts >= (HasSignedResponse(result) ? options.MaxAttempts : MaxAttemptsWithoutSignedResponse(options))⟧;",
            "attempts >= 1"),
        new("an attempt without a response parks the item like a signed failure", Policy,
            "⟦attempts >= (HasSignedResponse(result) ? options.MaxAttempts : MaxAttemptsWithoutSignedResponse(options))⟧;",
            "attempts >= options.MaxAttempts"),
        new("age alone parks the item", Policy,
            "⟦age >= options.MaxAge && attempts * 2 >= options.MaxAttempts⟧;",
            "age >= TimeSpan.FromMinutes(20)"),
        new("the back-off list is read beyond its end", Policy, "options.BackOff[⟦Math.Min(attempts, options.BackOff.Count) - 1⟧]", "attempts - 1"),
        new("failures in a row do not trip the circuit breaker", CircuitBreaker,
            "⟦_failuresInARow >= options.BreakerThreshold⟧ && !isItemAtFault", "false"),
        new("a configuration fault does not trip the circuit breaker", CircuitBreaker,
            "⟦Trip(TripCause.ConfigurationFault, contentId, result);⟧\n                    break;",
            "_ = result;"),
        new("the open circuit breaker permits every request as a probe", CircuitBreaker, "if (⟦!_probing && now >= dueAt⟧)", "true"),
        new("a successful probe does not reset the circuit breaker", CircuitBreaker,
            "⟦if (_open is not null && permit.IsProbe) Reset();⟧",
            "_ = permit;"),
        new("a finished probe blocks further probes", CircuitBreaker, "⟦if (permit.IsProbe) _probing = false;⟧", "_ = permit;"),
        new("a returned probe blocks further probes", CircuitBreaker,
            "⟦_probing = false;⟧\n            if (_open is not null) _open = _open with { NextProbe = time.GetUtcNow() };",
            "_ = permit;"),
        new("an unsigned refusal of one item trips the circuit breaker", CircuitBreaker, "!⟦IsConfirmed(contentId, result)⟧)", "true"),
        new("a single refused item never trips the circuit breaker", CircuitBreaker,
            "⟦now - earlier.At >= options.ProbeInterval⟧",
            "false"),
        new("a success does not clear the refusal of another item", CircuitBreaker,
            "⟦if (_suspicion is { } suspicion && permit.StartedAt >= suspicion.At) _suspicion = null;⟧",
            "_ = permit;"),
        new("an item whose probe failed takes the next probe too", CircuitBreaker, "⟦_failedProbes.Contains(contentId)⟧ ? _open", "false"),
        new("no item is ever at fault", Policy, "&& ⟦evidence.SucceededAt > last.At⟧", "false"),
        new("an item at fault is never parked", Policy,
            "⟦IsExhausted(options, result, attempts) || IsTooOld(options, attempts, age)⟧\n                ? ExhaustedAtFault",
            "false"),
        new("an item at fault is parked for its age", Policy, "new(\n        ⟦ParkReason.AttemptsExhausted⟧,\n        string.Create("
            + "CultureInfo.InvariantCulture, $\"All {attempts} attempts failed while",
            "ParkReason.AgeExceeded"),
        new("no sweep while the circuit breaker is open", Sweep, "if ((⟦isOpen && page.Count == MaxProbes⟧)", "isOpen"),
        new("the sweep skips items that a dead process leased", Sweep,
            "|| (⟦record.Lease is { } lease && lease.ExpiresAt > now⟧))",
            "record.Lease is not null"),
        new("the sweep forgets its last page", Sweep,
            "⟦if (page.Count > 0) await queue.EnqueueAsync(page, cancellationToken).ConfigureAwait(false);⟧\n",
            "_ = page;"),
        new("a scheduled copy reuses its MessageId", Processor, "⟦Math.Max(outcome.Record?.Hop ?? 0, reference.Hop + 1)⟧,", "reference.Hop"),
        new("a copy of a copy reuses its MessageId", Outgoing, "Id(original, \"copy\", ⟦hop.ToString(CultureInfo.InvariantCulture)⟧)", "\"1\""),
        new("the message of a pending item is completed", Processor,
            "SyncOutcomeKind.Pending => ⟦new MessageSettlement.SendThenComplete([OutgoingMessage.Reference(Next(reference, "
            + "outcome))])⟧,",
            "MessageSettlement.Complete.Instance"),
        new("the message of a pending item is dead-lettered", Processor,
            "SyncOutcomeKind.Pending => ⟦new MessageSettlement.SendThenComplete([OutgoingMessage.Reference(Next(reference, "
            + "outcome))])⟧,",
            "new MessageSettlement.DeadLetter(\"AttemptsExhausted\", \"\", new Dictionary<string, object>())"),
        new("the message of an item that was not accepted is completed", Processor,
            "new(⟦[OutgoingMessage.Copy(message, options.LeaseDuration)]⟧)",
            "Array.Empty<OutgoingMessage>()"),
        new("the message of an accepted item is completed whatever its outcome", Processor,
            "⟦return Settle(ReferenceTo(record, message.Hop()), outcome);⟧",
            "return outcome is null ? MessageSettlement.Complete.Instance : MessageSettlement.Complete.Instance;"),
        new("pending items of an array are forgotten", Processor,
            "⟦lock (unfinished) unfinished.Add(OutgoingMessage.Reference(Next(reference, outcome)));⟧",
            "_ = unfinished;"),
        new("a message is completed before its copy is sent", Process,
            "⟦await _queue.SendAsync(next.Messages, _stopping.Token).ConfigureAwait(false);\n                await "
            + "_queue.CompleteAsync(lockToken, _stopping.Token).ConfigureAwait(false);⟧",
            "await _queue.CompleteAsync(lockToken, _stopping.Token).ConfigureAwait(false); await "
            + "_queue.SendAsync(next.Messages, _stopping.Token).ConfigureAwait(false);"),
        new("a message is completed and its copy never sent", Process,
            "⟦await _queue.SendAsync(next.Messages, _stopping.Token).ConfigureAwait(false);\n                await "
            + "_queue.CompleteAsync(lockToken, _stopping.Token).ConfigureAwait(false);⟧",
            "await _queue.CompleteAsync(lockToken, _stopping.Token).ConfigureAwait(false);"),
        new("a message interrupted by a shutdown is completed", Process,
            "⟦await AbandonAsync(lockToken).ConfigureAwait(false);⟧",
            "if (e is OperationCanceledException) { await _queue.CompleteAsync(lockToken, "
            + "CancellationToken.None).ConfigureAwait(false); } else { await AbandonAsync(lockToken).ConfigureAwait(false); }"),
        new("the ETag is not compared", Store, "if (⟦old?.Record.ETag != expectedETag⟧)", "false"),
        new("a timeout counts as success", Client,
            "new SynchronizeResult(⟦SynchronizeResultKind.Retryable⟧, ClientCodes.Timeout,",
            "SynchronizeResultKind.Succeeded"),
        new("a broken connection counts as a rejection", Client,
            "new SynchronizeResult(⟦SynchronizeResultKind.Retryable⟧, ClientCodes.ConnectionFailed,",
            "SynchronizeResultKind.Rejected"),
        new("the client forgets that a request may take effect later", Client, "⟦call.MayTakeEffectLater⟧ ? result with", "false"),
        new("the body differs from the recorded one", Client,
            "request.Content = body = Fill(request, ⟦plain⟧);",
            "(System.ReadOnlyMemory<byte>)System.Text.Encoding.UTF8.GetBytes(System.Text.Encoding.UTF8.GetString(plain.Span) + "
            + "\" \")"),
        new("verification is skipped", Verification,
            "if (⟦!key.VerifyHash(hash, header.Value.Span, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)⟧)",
            "false"),
        new("an unsigned success is accepted", Classifier,
            "SynchronizeResultKind.Succeeded => ⟦new(\n                SynchronizeResultKind.Retryable,\n                "
            + "ClientCodes.UnsignedSuccess,\n                \"The response says success but is not signed, so it does not count "
            + "as one.\")⟧,",
            "new Decision(SynchronizeResultKind.Succeeded, response.ResultCode, response.ResultMessage)"),
        new("an unsigned rejection is accepted", Classifier,
            "_ => ⟦new(SynchronizeResultKind.Retryable, response.ResultCode, response.ResultMessage)⟧,\n        };",
            "new Decision(kind, response.ResultCode, response.ResultMessage)"),
        new("a throttled call counts as a rejection", Classifier,
            "408 or 429 or >= 500 => ⟦new(SynchronizeResultKind.Retryable, ClientCodes.HttpStatus, $\"HTTP {status} without a "
            + "result.\")⟧,",
            "new Decision(SynchronizeResultKind.Rejected, ClientCodes.HttpStatus, status)"),
        new("the result status takes precedence over the code", Codes,
            "StatusFailure => ⟦kind == SynchronizeResultKind.Succeeded ? SynchronizeResultKind.Retryable : kind⟧,",
            "SynchronizeResultKind.Rejected"),
        new("the body is serialized again for signing", Signing,
            "_stringToSign.Hash(time, ⟦bytes.Span⟧, hash);",
            "System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(System.Text.Json.JsonDocument.Parse(bytes).RootElement)"),
        new("the path is signed with a query", Signing, "_stringToSign = new(⟦options.Path⟧, options.ClientId);", "options.Path + \"?v=1\""),
        new("the header and the signature use different times", Signing,
            "TryAddWithoutValidation(WireHeaders.RequestTime, ⟦time⟧);",
            "RequestTime.Format(timeProvider.GetUtcNow())"),
        new("the rate limiter does not delay", RateLimiter, "return wait <= _maxWait ? (turn, ⟦wait⟧)", "TimeSpan.Zero"),
        new("the rate limiter is not applied after signing", Signing,
            "⟦if (_rateLimiter is not null) await _rateLimiter.WaitToSendAsync(cancellationToken);⟧",
            ""),
        new("the guard is not applied", Runner,
            "if (!isLedger && ⟦MassDelistGuard.Check(options, plan.Counts, itemsBefore, run.Parameters.AllowedDelistShare)⟧ is "
            + "{ } refusal)",
            "(GuardRefusal?)null"),
        new("the guard compares with listed and delisted items together", Guard,
            "var delistShare = ⟦Share(plan.Delisting, plan.Listed)⟧;",
            "Share(plan.Delisting, plan.Listed + plan.Items + plan.Items)"),
        new("a dry run sends", Runner, "if (⟦run.Parameters.DryRun⟧)\n        {\n            plan.Dispose();", "false"),
        new("a page is skipped after a kill", Runner, "Pages = ⟦page.Number + 1⟧,", "page.Number + 2"),
        new("a run restarts at its first page after a kill", Pages,
            "if (⟦number >= run.Pages⟧) yield return await AcceptPageAsync(run, number, page, lanePacks, "
            + "cancellationToken).ConfigureAwait(false);\n            number++;",
            "true"),
        new("a page is counted twice", Runner, "Counts = ⟦run.Counts + result.Counts⟧,", "run.Counts + result.Counts + result.Counts"),
        new("a pack is counted twice", LaneProgress,
            "if (⟦ranges.Exists(range => range.First <= pack && pack <= range.Last)⟧) return null;",
            "false"),
        new("a pack is settled without being counted", ResyncWork,
            "⟦await _progress.CountAsync(pack, result.Counts, _stopping).ConfigureAwait(false);⟧",
            "if (pack.Number % 2 == 0) { await _progress.CountAsync(pack, result.Counts, _stopping).ConfigureAwait(false); }"),
        new("all packs of a lane have the same number", Pages, "⟦lanePacks[lane]++⟧", "lanePacks[lane]"),
        new("the lane depends on the page", Pages,
            "⟦PlanKey.Of(item.ContentId).Lane(run.Lanes)⟧",
            "(int)((PlanKey.Of(item.ContentId).Low + (ulong)number) % (ulong)run.Lanes)"),
        new("a deferred pack counts as finished", Packs,
            "if (itemDeferral is not null) ⟦Volatile.Write(ref deferral, itemDeferral);⟧",
            "_ = itemDeferral;"),
        new("vanished items stay listed", Comparison,
            "if (scope == PlanScope.Additions || ⟦!listed || (ledgerItem.Flags & LedgerItemFlags.Newer) != 0⟧) return;",
            "true"),
        new("items accepted after the export are delisted", Partitions,
            "| ⟦(item.AcceptedAt > writtenAt ? LedgerItemFlags.Newer : 0)⟧;",
            "(LedgerItemFlags)0"),
        new("parked items count as in sync", Comparison,
            "(flags & LedgerItemFlags.Acknowledged) != 0 : ⟦(flags & LedgerItemFlags.Parked) == 0⟧;",
            "true"),
        new("a changed item counts as in sync", Comparison, "if (⟦item.State.LooksLike(ledgerItem.State)⟧ && !item.Ambiguous", "true"),
        new("a delisted item is sent as listed", Delisted,
            "writer.WriteNumber(\"contentStatus\", ⟦(int)ContentStatus.Invalid⟧);",
            "(int)ContentStatus.Valid"),
        new("a run continues with a different export than the one it was planned with", Runner,
            "if (⟦snapshot?.Digest != run.Digest⟧)",
            "snapshot is null"),
        new("the plan is not saved", Runner,
            "if (⟦planned.IsInProgress⟧) await store.SavePlanAsync",
            "planned.IsInProgress && planned.Parameters.Again"),
        new("a vault that was down is never probed", Vault, "=> ⟦IsDown && now >= NextProbe⟧;", "false"),
        new("a pool exceeds the rate of its vaults", Vault, "return ⟦Tokens >= 1 && now >= _restUntil⟧;", "true"),
    ];
}
