#!/usr/bin/env python3
"""Keeps the table `kpis` of a PostgreSQL database like tributary's topic `kpis` (Avro, compacted).

A record is inserted or replaces the row of its key; a tombstone deletes it. Rows and the offsets that they came with
are written in one transaction, and reading begins at the offsets of the database: the sink may be killed at any time
and started again, and nothing is lost or written twice. Several may run: the consumer group shares the partitions, and
one that has lost a partition without knowing it yet cannot write what is older than what is there.
"""

import argparse
import json
import logging
import signal
from datetime import datetime, timezone

import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

log = logging.getLogger("sink")

COLUMNS = (
    "key kpi unit window_kind window_start window_end dims value numerator denominator low high previous change"
    " benchmark final watermark updated_at currency"
).split()
UPSERT = f"""
INSERT INTO kpis ({", ".join(COLUMNS)}) VALUES ({", ".join(["%s"] * len(COLUMNS))})
ON CONFLICT (key) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])}
"""
DELETE = "DELETE FROM kpis WHERE key = %s"
# No row is updated where somebody else has gone on: then the whole transaction is undone.
ADVANCE = """
INSERT INTO kpis_offsets (topic, "partition", next_offset) VALUES (%(topic)s, %(partition)s, %(next)s)
ON CONFLICT (topic, "partition") DO UPDATE SET next_offset = excluded.next_offset
WHERE kpis_offsets.next_offset <= %(first)s
"""


class Overtaken(Exception):
    """Another sink has written this partition meanwhile."""


def moment(at):
    """The deserializer gives datetimes for timestamps; null stays."""
    if at is None or isinstance(at, datetime):
        return at
    return datetime.fromtimestamp(at / 1000, timezone.utc)


def row_of(key, update):
    """The values of COLUMNS."""
    return (
        key,
        update["kpi"],
        update["unit"],
        update["window"],
        moment(update["start"]),
        moment(update["end"]),
        json.dumps(update["dims"], ensure_ascii=False, sort_keys=True),
        *(update[name] for name in COLUMNS[7:16]),
        moment(update["watermark"]),
        moment(update["updated_at"]),
        update["currency"],
    )


class Sink:
    def __init__(self, arguments):
        self.topic = arguments.topic
        self.batch = arguments.batch
        self.database = psycopg.connect(arguments.postgres, autocommit=True)
        properties = dict(pair.split("=", 1) for pair in arguments.property)
        self.consumer = Consumer(
            {
                **properties,
                "bootstrap.servers": arguments.brokers,
                "group.id": arguments.group,
                # Rows are written in transactions; what of them was aborted is nobody's business.
                "isolation.level": "read_committed",
                # The database knows the offsets.
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        registry = SchemaRegistryClient({"url": arguments.registry})
        self.decode = AvroDeserializer(registry)

    def run(self, is_over):
        self.consumer.subscribe([self.topic], on_assign=self.assigned)
        try:
            while not is_over():
                messages = self.consumer.consume(self.batch, timeout=1.0)
                if messages:
                    self.write(self.sound(messages))
        finally:
            self.consumer.close()
            self.database.close()

    def assigned(self, consumer, partitions):
        """Reading goes on where the database says."""
        query = 'SELECT "partition", next_offset FROM kpis_offsets WHERE topic = %s'
        known = dict(self.database.execute(query, (self.topic,)).fetchall())
        for partition in partitions:
            partition.offset = known.get(partition.partition, OFFSET_BEGINNING)
        log.info("reads on at %s", {found.partition: found.offset for found in partitions})
        consumer.assign(partitions)

    def sound(self, messages):
        """Messages by partition; an error that retrying does not help ends the program."""
        found = {}
        for message in messages:
            error = message.error()
            if error is None:
                found.setdefault(message.partition(), []).append(message)
            elif error.code() != KafkaError._PARTITION_EOF and not error.retriable():
                raise KafkaException(error)
        return found

    def write(self, partitions):
        context = SerializationContext(self.topic, MessageField.VALUE)
        # Of several records with one key the last one counts, and these are all of one partition.
        newest = {}
        for messages in partitions.values():
            for message in messages:
                newest[message.key().decode()] = message.value()
        rows = [row_of(key, self.decode(value, context)) for key, value in newest.items() if value is not None]
        gone = [(key,) for key, value in newest.items() if value is None]
        try:
            with self.database.transaction(), self.database.cursor() as cursor:
                for partition, messages in partitions.items():
                    first, last = messages[0].offset(), messages[-1].offset()
                    position = {"topic": self.topic, "partition": partition, "first": first, "next": last + 1}
                    if cursor.execute(ADVANCE, position).rowcount == 0:
                        raise Overtaken(partition)
                if rows:
                    cursor.executemany(UPSERT, rows)
                if gone:
                    cursor.executemany(DELETE, gone)
        except Overtaken as overtaken:
            log.warning("partition %s belongs to another sink by now: reading on where that is", overtaken)
            self.seek(partitions)
            return
        # For whoever looks at the lag of the group; nothing depends on it.
        offsets = [TopicPartition(self.topic, of, found[-1].offset() + 1) for of, found in partitions.items()]
        try:
            self.consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as problem:
            log.info("the group's offsets are not committed: %s", problem)
        log.info("%s rows, %s deleted", len(rows), len(gone))

    def seek(self, partitions):
        """After a transaction that was undone: what is in the database is where reading goes on."""
        query = 'SELECT "partition", next_offset FROM kpis_offsets WHERE topic = %s'
        known = dict(self.database.execute(query, (self.topic,)).fetchall())
        mine = {assigned.partition for assigned in self.consumer.assignment()}
        for partition in mine & partitions.keys():
            self.consumer.seek(TopicPartition(self.topic, partition, known.get(partition, OFFSET_BEGINNING)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers", required=True, help="host:port,…")
    parser.add_argument("--registry", required=True, help="URL of the schema registry")
    parser.add_argument("--postgres", required=True, help="such as postgresql://sink@localhost/marketing")
    parser.add_argument("--topic", default="kpis")
    parser.add_argument("--group", default="tributary-postgres")
    parser.add_argument("--batch", type=int, default=5000, help="records in one transaction at most")
    parser.add_argument("--property", action="append", default=[], metavar="NAME=VALUE", help="of librdkafka, such as security.protocol=SSL")
    parser.add_argument("--schema", metavar="FILE", help="SQL to run first, such as schema.sql")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")

    ended = []
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, lambda *_: ended.append(True))
    sink = Sink(arguments)
    if arguments.schema:
        with open(arguments.schema, encoding="utf-8") as schema:
            sink.database.execute(schema.read())
    sink.run(lambda: bool(ended))


if __name__ == "__main__":
    main()
