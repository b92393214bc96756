// GraphQL by Yoga at /yoga and by Apollo at /apollo: `holdfast serve examples/apps/node/graphql.mjs`
import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';
import { createSchema, createYoga } from 'graphql-yoga';

const typeDefs = `
  type Query { hello(name: String): String! fails: String }
  type Mutation { add(a: Int!, b: Int!): Int! }
  type Subscription { count(to: Int!): Int! }
`;
const resolvers = {
  Query: {
    hello: (_, { name }) => `hello ${name ?? 'world'}`,
    fails: () => {
      throw new Error('a resolver failed');
    },
  },
  Mutation: { add: (_, { a, b }) => a + b },
  Subscription: {
    count: {
      async *subscribe(_, { to }) {
        for (let count = 1; count <= to; count++) yield { count };
      },
    },
  },
};

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  graphqlEndpoint: '/yoga',
  logging: false,
  landingPage: false,
  graphiql: false,
});
const apollo = new ApolloServer({ typeDefs, resolvers, includeStacktraceInErrorResponses: false });
await apollo.start();

const app = express();
app.use('/yoga', yoga);
app.use('/apollo', express.json(), expressMiddleware(apollo));

export default app;
