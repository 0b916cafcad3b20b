from typing import Any

from builders import NOW
from catalog_builders import product
from cloud_in_memory import table_name
from commerce.catalog.store import CatalogStore
from commerce.customers import model
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table
from commerce.stock.store import StockStore
from store.emulated_dynamodb import EmulatedDynamoDb
from store.handlers_at_work import HandlersAtWork
from store.two_customers import ACTS, Person, World

SERVICES = ("carts", "catalog", "customers", "idempotency", "orders", "payments", "sandbox")
SKUS = ("MUG-BLU", "MUG-RED")


def test_neither_of_two_customers_ever_reads_or_changes_anything_of_the_others() -> None:
    database: Any = EmulatedDynamoDb(*SERVICES, "settings", "stock")

    def open_table(noun: str) -> Table:
        return Table(table_name(noun), database)

    CatalogStore(open_table("catalog")).add(product(*SKUS))
    StockStore(open_table("stock")).open_many(dict.fromkeys(SKUS, 900_000), NOW, location="main")
    ada = Person("ada", "customer_" + "a" * 32, "ada@example.com")
    eve = Person("eve", "customer_" + "e" * 32, "eve@example.com")
    for person in (ada, eve):
        known = model.confirmed(person.id, person.email, NOW)
        CustomerStore(open_table("customers")).register(known)
    shop = HandlersAtWork(database)
    world = World(4, shop, (ada, eve), SKUS, open_table)

    with shop.working():
        world.live(operations=1_000)

    served = {name for name, status in world.done if status < 400}
    tried = {name for name, _ in world.done}
    assert tried == {act.__name__ for act in ACTS}
    assert served == {name for name in tried if not name.startswith("steal")}
    # Both lived a life: orders as a customer and as a guest, cancelled, sent back and claimed.
    for person in world.people:
        assert len(person.orders) > 20
        assert len(person.returns) > 5
