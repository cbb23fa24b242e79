"""Lookups in batches, with a cache in the worker: one activity for many products instead of one each."""

from collections import OrderedDict

from temporalio import activity

CACHE_SIZE = 1000


class Shop:
    """The product database. The cache lives as long as the worker process and is shared by all its runs."""

    def __init__(self) -> None:
        self._cache: OrderedDict[str, str] = OrderedDict()
        self.lookups = 0

    @activity.defn
    async def describe_products(self, products: list[str]) -> dict[str, str]:
        """Describe many products at once; only those that are not in the cache are looked up."""
        for product in products:
            if product not in self._cache:
                self.lookups += 1
                self._cache[product] = f"{product}, in stock"
                if len(self._cache) > CACHE_SIZE:
                    self._cache.popitem(last=False)
        return {product: self._cache.get(product, f"{product}, in stock") for product in products}
