// What a session's streams have said, so that a client that was cut off can ask
// for the rest. The suite does cut itself off.

export class EventLog {
    #events = [];

    async storeEvent(streamId, message) {
        this.#events.push({ streamId, message });
        return String(this.#events.length - 1);
    }

    async getStreamIdForEventId(eventId) {
        return this.#events[Number(eventId)]?.streamId;
    }

    async replayEventsAfter(lastEventId, { send }) {
        const streamId = await this.getStreamIdForEventId(lastEventId);
        for (const [id, event] of this.#events.entries()) {
            // The first event of a stream has no message: it is there for its id.
            const isMessage = Object.keys(event.message ?? {}).length > 0;
            if (id > Number(lastEventId) && event.streamId === streamId && isMessage) {
                await send(String(id), event.message);
            }
        }
        return streamId;
    }
}
